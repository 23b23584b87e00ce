//! The kit, tried on an application of two tables and none of watertight's.
//!
//! `DATABASE_OWNER_URL`, `DATABASE_URL` and `DATABASE_SUPERUSER_URL` name the server; `cargo xtask test` sets them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too, and says what it saw"
)]

mod application;
mod databases;
mod isolated;
mod leaks;
mod private;
mod refused;
mod round_trips;
