#![doc = include_str!("../docs/links.md")]
#![cfg_attr(feature = "auth", doc = include_str!("../docs/links/auth.md"))]
#![cfg_attr(feature = "content", doc = include_str!("../docs/links/content.md"))]
#![cfg_attr(feature = "booking", doc = include_str!("../docs/links/booking.md"))]
#![cfg_attr(feature = "certificates", doc = include_str!("../docs/links/certificates.md"))]
#![cfg_attr(feature = "intake", doc = include_str!("../docs/links/intake.md"))]
#![cfg_attr(feature = "history", doc = include_str!("../docs/links/history.md"))]
#![cfg_attr(feature = "axum", doc = include_str!("../docs/links/axum.md"))]
#![doc = include_str!("../docs/guide/guide.md")]

#[doc = include_str!("../docs/links.md")]
#[cfg_attr(feature = "auth", doc = include_str!("../docs/links/auth.md"))]
#[doc = include_str!("../docs/guide/accounts.md")]
pub mod accounts {}

#[doc = include_str!("../docs/links.md")]
#[cfg_attr(feature = "auth", doc = include_str!("../docs/links/auth.md"))]
#[doc = include_str!("../docs/guide/adopting.md")]
pub mod adopting {}

#[doc = include_str!("../docs/links.md")]
#[cfg_attr(feature = "auth", doc = include_str!("../docs/links/auth.md"))]
#[cfg_attr(feature = "content", doc = include_str!("../docs/links/content.md"))]
#[cfg_attr(feature = "booking", doc = include_str!("../docs/links/booking.md"))]
#[cfg_attr(feature = "certificates", doc = include_str!("../docs/links/certificates.md"))]
#[cfg_attr(feature = "intake", doc = include_str!("../docs/links/intake.md"))]
#[cfg_attr(feature = "history", doc = include_str!("../docs/links/history.md"))]
#[cfg_attr(feature = "axum", doc = include_str!("../docs/links/axum.md"))]
#[doc = include_str!("../docs/guide/building.md")]
pub mod building {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/guide/compare.md")]
pub mod compare {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/guide/deploying.md")]
pub mod deploying {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/guide/extending.md")]
pub mod extending {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/guide/frameworks.md")]
pub mod frameworks {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/guide/glossary.md")]
pub mod glossary {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/guide/growing.md")]
pub mod growing {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/guide/isolation.md")]
pub mod isolation {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/guide/jobs.md")]
pub mod jobs {}

#[doc = include_str!("../docs/links.md")]
#[cfg_attr(feature = "proxy", doc = include_str!("../docs/links/proxy.md"))]
#[doc = include_str!("../docs/guide/libraries.md")]
pub mod libraries {}

#[doc = include_str!("../docs/links.md")]
#[cfg_attr(feature = "auth", doc = include_str!("../docs/links/auth.md"))]
#[cfg_attr(feature = "proxy", doc = include_str!("../docs/links/proxy.md"))]
#[doc = include_str!("../docs/guide/limits.md")]
pub mod limits {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/guide/migrating.md")]
pub mod migrating {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/guide/onboarding.md")]
pub mod onboarding {}

#[doc = include_str!("../docs/links.md")]
#[cfg_attr(feature = "auth", doc = include_str!("../docs/links/auth.md"))]
#[doc = include_str!("../docs/guide/operating.md")]
pub mod operating {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/guide/performance.md")]
pub mod performance {}

#[doc = include_str!("../docs/links.md")]
#[cfg_attr(feature = "auth", doc = include_str!("../docs/links/auth.md"))]
#[cfg_attr(feature = "booking", doc = include_str!("../docs/links/booking.md"))]
#[doc = include_str!("../docs/guide/queries.md")]
pub mod queries {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/guide/reports.md")]
pub mod reports {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/guide/start.md")]
pub mod start {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/guide/tenants.md")]
pub mod tenants {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/guide/testing.md")]
pub mod testing {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/guide/upgrading.md")]
pub mod upgrading {}
