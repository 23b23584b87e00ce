//! Rust in Markdown: GitHub highlights each block and shows it complete.

/// What rustdoc accepts after a fence instead of `rust`.
const BARE: [&str; 5] = ["", "compile_fail", "ignore", "no_run", "should_panic"];

/// The places and the messages of lines that GitHub shows and rustdoc hides, and of blocks without a language.
pub(crate) fn check(text: &str) -> Vec<(usize, String)> {
    let (mut found, mut at) = (Vec::new(), 0);
    let mut block: Option<Block> = None;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        match (&block, trimmed.strip_prefix("```")) {
            (Some(_), Some("")) => block = None,
            (Some(Block { is_rust: true }), _) if trimmed == "#" || trimmed.starts_with("# ") => {
                let message = "rustdoc hides this line and GitHub shows it: write complete code without `# `";
                found.push((at, message.to_owned()));
            }
            (None, Some(info)) => {
                let language = info.split(',').next().unwrap_or_default();
                if BARE.contains(&language) {
                    let full = format!("rust,{info}");
                    let full = full.trim_end_matches(',');
                    found.push((
                        at,
                        format!("write ```{full} (or ```text), so that GitHub highlights the block"),
                    ));
                }
                block = Some(Block { is_rust: language == "rust" || BARE.contains(&language) });
            }
            _ => {}
        }
        at += line.len();
    }
    found
}

struct Block {
    is_rust: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_lines_and_blocks_without_a_language_are_found() {
        let good = "# Heading\n```rust,no_run\n#[derive(Debug)]\n#![allow(x)]\n```\n# Heading\n```sh\n# comment\n```\n";
        assert_eq!(check(good), []);
        let bad = "```rust\n# use a;\n  #\nfn f() {}\n```\n```no_run\n# x\n```\n```\ny\n```\n";
        let found = check(bad);
        let lines: Vec<_> = found.iter().map(|(at, _)| bad[..*at].matches('\n').count() + 1).collect();
        assert_eq!(lines, [2, 3, 6, 7, 9]);
        assert!(found[2].1.contains("```rust,no_run ") && found[4].1.contains("```rust "), "{found:?}");
    }
}
