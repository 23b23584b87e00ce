//! Any text through the rewriter: `cargo +nightly fuzz run rewrite`, from the root.
//!
//! The short run of the tests, `tests/suite/fuzz.rs`, also asks a server what it takes.
#![no_main]

#[path = "../../tests/src/guards.rs"]
mod guards;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use watertight::{Rewriter, Watertight};

static REWRITER: LazyLock<Rewriter> = LazyLock::new(|| match Watertight::builder().rewriter() {
    Ok(rewriter) => rewriter,
    Err(error) => panic!("{error}"),
});

fuzz_target!(|text: &str| {
    if let Err(failure) = guards::check(&REWRITER, text) {
        panic!("{failure}");
    }
});
