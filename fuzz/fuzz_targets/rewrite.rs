//! Fuzzes the rewriter with any text: `cargo +nightly fuzz run --features libfuzzer rewrite`, from the root.
#![no_main]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use watertight::{Rewriter, Watertight};

static REWRITER: LazyLock<Rewriter> = LazyLock::new(|| {
    // The rewriter catches panics of its parser and refuses the text; libFuzzer's hook would end the process first.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !info.location().is_some_and(|place| place.file().contains("postgresql-cst-parser")) {
            hook(info);
        }
    }));
    match Watertight::builder().rewriter() {
        Ok(rewriter) => rewriter,
        Err(error) => panic!("{error}"),
    }
});

fuzz_target!(|text: &str| {
    if let Err(failure) = watertight_fuzz::check(&REWRITER, &BTreeSet::new(), text) {
        panic!("{failure}");
    }
});
