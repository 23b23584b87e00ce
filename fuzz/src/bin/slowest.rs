//! Prints the time that the rewriter takes for long hostile texts: `cargo run --release --bin slowest -- [bytes]`, from
//! this directory.

use std::time::Instant;

use watertight::Watertight;
use watertight_fuzz::repeated;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bytes = std::env::args().nth(1).map_or(Ok(64 << 10), |text| text.parse())?;
    let rewriter = Watertight::builder().rewriter()?;
    let mut times = Vec::new();
    for text in repeated::texts(bytes) {
        let started = Instant::now();
        let answer = rewriter.rewrite(&text, 0);
        let answer = answer.map_or_else(|refusal| refusal.to_string(), |sql| format!("{} bytes", sql.len()));
        let beginning: String = text.chars().take(70).collect();
        times.push((started.elapsed(), text.len(), beginning, answer));
    }
    times.sort_unstable_by(|a, b| b.cmp(a));
    for (taken, length, beginning, answer) in times.iter().take(40) {
        let answer: String = answer.chars().take(70).collect();
        println!("{taken:>12.2?} {length:>6} bytes: {beginning:?}: {answer}");
    }
    Ok(())
}
