//! A tenant's connection and transaction have the methods of SeaORM's own.
//!
//! `methods` reads both sources and compares the names. `calls` calls every method without importing a trait.

mod calls;
mod methods;
mod source;
