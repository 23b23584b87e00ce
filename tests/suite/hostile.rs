//! Any text results in a refusal or a rewritten statement, without a panic, a hang or unbounded memory.
//!
//! The slowest texts are printed. `WATERTIGHT_HOSTILE_TEXTS` is the number of random texts, and
//! `WATERTIGHT_HOSTILE_BYTES` the length of texts that repeat a part.

use std::time::{Duration, Instant};

use anyhow::Result;
use watertight::{Reason, Refusal, Rewriter, Watertight};

use crate::fuzz::mutate;

#[allow(unreachable_pub, reason = "the fuzz workspace has it too")]
#[path = "../../fuzz/src/repeated.rs"]
mod repeated;

fn time(rewriter: &Rewriter, text: &str) -> Duration {
    let started = Instant::now();
    let values = match rewriter.rewrite(text, 0) {
        Err(Refusal { reason: Reason::Placeholder { placeholder, .. }, .. }) => placeholder,
        _ => 0,
    };
    let taken = started.elapsed();
    if values > 0 {
        drop(rewriter.rewrite(text, values));
    }
    taken
}

fn beginning(text: &str) -> String {
    text.chars().take(70).collect::<String>().replace('\n', " ")
}

fn print_slowest(mut times: Vec<(Duration, String)>) {
    times.sort_unstable_by(|a, b| b.cmp(a));
    for (taken, text) in times.iter().take(25) {
        println!("{taken:>12.2?} {text}");
    }
}

#[test]
fn long_texts_that_repeat_a_part_are_answered() -> Result<()> {
    let bytes = usize::try_from(super::judge::number("WATERTIGHT_HOSTILE_BYTES", 64 << 10))?;
    let rewriter = Watertight::builder().rewriter()?;
    let mut times = Vec::new();
    for text in repeated::texts(bytes) {
        times.push((time(&rewriter, &text), format!("{} bytes: {}", text.len(), beginning(&text))));
    }
    print_slowest(times);
    Ok(())
}

#[test]
fn random_texts_are_answered() -> Result<()> {
    let seed = super::judge::number("WATERTIGHT_FUZZ_SEED", fastrand::u64(..));
    println!("WATERTIGHT_FUZZ_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let corpus = crate::fuzz::corpus()?;
    let rewriter = Watertight::builder().rewriter()?;
    let mut times = Vec::new();
    for _ in 0..super::judge::number("WATERTIGHT_HOSTILE_TEXTS", 3_000) {
        let text = match random.u8(..4) {
            0 => {
                let bytes: Vec<u8> = (0..random.usize(..300)).map(|_| random.u8(..)).collect();
                String::from_utf8_lossy(&bytes).into_owned()
            }
            1 => (0..random.usize(..300)).map(|_| char::from(random.u8(32..127))).collect(),
            2 => {
                let bytes: Vec<u8> = mutate::mutate(&corpus, &mut random)
                    .into_bytes()
                    .into_iter()
                    .map(|byte| if random.u8(..20) == 0 { random.u8(..) } else { byte })
                    .collect();
                String::from_utf8_lossy(&bytes).into_owned()
            }
            _ => mutate::mutate(&corpus, &mut random),
        };
        times.push((time(&rewriter, &text), beginning(&text)));
    }
    print_slowest(times);
    Ok(())
}
