//! Random changes of texts.

/// Splits texts into words, white space and single characters, and recombines them at random.
pub fn mutate(corpus: &[String], random: &mut fastrand::Rng) -> String {
    const SPICE: [&str; 18] = [
        "(",
        ")",
        ",",
        ";",
        "--",
        "/*",
        "*/",
        "'",
        "\"",
        "$1",
        "WHERE",
        "OR true",
        "AS",
        "services",
        "auth.users",
        "FROM",
        "SELECT",
        "\u{e9}",
    ];
    let pieces = |text: &str| -> Vec<String> {
        let mut pieces = vec![String::new()];
        for c in text.chars() {
            let grows = pieces.last().and_then(|last| last.chars().last()).is_some_and(|last| {
                last.is_alphanumeric() && c.is_alphanumeric() || (last == '_' || c == '_')
            });
            if grows {
                pieces.last_mut().unwrap().push(c);
            } else {
                pieces.push(c.to_string());
            }
        }
        pieces
    };
    let mut text = pieces(&corpus[random.usize(..corpus.len())]);
    for _ in 0..random.usize(1..4) {
        let at = random.usize(..text.len());
        match random.u8(..5) {
            0 => drop(text.remove(at)),
            1 => text.insert(at, SPICE[random.usize(..SPICE.len())].to_owned()),
            2 => {
                let with = random.usize(..text.len());
                text.swap(at, with);
            }
            3 => {
                let other = pieces(&corpus[random.usize(..corpus.len())]);
                let start = random.usize(..other.len());
                let end = random.usize(start..other.len());
                text.splice(at..at, other[start..=end].iter().cloned());
            }
            _ => {
                let again = text[at].clone();
                text.insert(at, again);
            }
        }
        if text.is_empty() {
            text.push(String::new());
        }
    }
    text.concat()
}
