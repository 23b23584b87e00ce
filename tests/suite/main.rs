//! The tests that need a PostgreSQL: `cargo xtask test`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too, and says what it saw"
)]

mod accounts;
mod across;
mod adopt;
mod auth;
mod business;
mod by_id;
mod certificates;
mod columns;
mod connection;
mod content;
mod convert;
mod data_migrations;
mod database_connection;
mod distribution;
mod docs;
mod doctor;
mod final_rows;
mod flags;
mod fuzz;
mod history;
mod hostile;
mod house;
mod injected;
mod input_limits;
mod intake;
mod isolation;
mod jobs;
mod judge;
mod keys;
mod locks;
mod maintenance;
mod names;
mod notifications;
mod numbers;
mod operations;
mod oracle;
mod outbox;
mod parity;
mod partitions;
mod plans;
mod pooler;
mod pooling;
mod protect;
mod read_only;
mod refusals;
mod relations;
mod report_only;
mod round_trips;
mod routing;
mod row_security;
mod rows;
mod scheduling;
mod schema;
mod schema_changes;
mod sealed_jobs;
mod server_extensions;
mod server_functions;
mod sets;
mod signed_tenant;
mod source;
mod start;
mod streams;
mod stress;
mod table_sets;
mod tenant_key;
mod tenant_parameter;
mod timeouts;
mod tls;
mod transaction_settings;
mod transactions;
mod unscoped;
