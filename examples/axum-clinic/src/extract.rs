//! axum's extractors, with pages as rejections.

use axum::extract::{FromRequest, FromRequestParts};

use crate::problem::Problem;

#[derive(FromRequest)]
#[from_request(via(axum::Form), rejection(Problem))]
pub(crate) struct Form<T>(pub(crate) T);

#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(crate) struct Query<T>(pub(crate) T);

#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(crate) struct Path<T>(pub(crate) T);
