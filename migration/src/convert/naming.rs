//! Names of new objects.

/// The longest name in bytes.
const LONGEST: usize = 63;

/// The name of the object that replaces another one, until it takes that name.
///
/// It is the same in every run, so that an interrupted run finds its objects again.
pub(super) fn replacement(name: &str) -> String {
    with_suffix(name, &format!("_{:08x}", hash(name)))
}

/// A name made of parts. A long name is cut, and ends with a hash of the complete one.
pub(super) fn joined(parts: &[&str]) -> String {
    let name = parts.join("_");
    if name.len() <= LONGEST { name } else { replacement(&name) }
}

fn with_suffix(name: &str, suffix: &str) -> String {
    let mut end = name.len().min(LONGEST - suffix.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{suffix}", name.get(..end).unwrap_or_default())
}

/// FNV-1a, which is stable across versions.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_stay_distinct() {
        let long = "ä".repeat(31);
        for name in ["customers_pkey", &long, &"x".repeat(63)] {
            let new = replacement(name);
            assert!(new.len() <= LONGEST && new != name, "{new}");
            assert_eq!(new, replacement(name));
        }
        let (one, other) = ("x".repeat(62) + "a", "x".repeat(62) + "b");
        assert_ne!(replacement(&one), replacement(&other));
        assert_eq!(joined(&["orders", "tenant_id", "idx"]), "orders_tenant_id_idx");
        assert_eq!(joined(&[&one, "idx"]).len(), LONGEST);
    }
}
