//! Any text through the rewriter: `cargo +nightly fuzz run --features libfuzzer rewrite`, from the root.
#![no_main]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use watertight::{Rewriter, Watertight};

static REWRITER: LazyLock<Rewriter> = LazyLock::new(|| match Watertight::builder().rewriter() {
    Ok(rewriter) => rewriter,
    Err(error) => panic!("{error}"),
});

fuzz_target!(|text: &str| {
    if let Err(failure) = watertight_fuzz::check(&REWRITER, &BTreeSet::new(), text) {
        panic!("{failure}");
    }
});
