//! The application over HTTP on a real database, used by browsers and other clients.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says what it skips"
)]

mod abuse;
mod booking;
mod browser;
mod csrf;
mod day;
mod headers;
mod login;
mod odd_input;
mod permissions;
mod server;
mod tenants;
mod visitor;
mod world;
