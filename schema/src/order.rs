//! Sorts names so that each comes after the names that it depends on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Sorts names so that each comes after the names that it depends on. Otherwise the order stays as given.
///
/// `dependencies` are pairs of a name and a name that it depends on. A name that depends on itself is not a cycle, and
/// a dependency on a name that is not among `names` is ignored.
///
/// ```
/// use watertight_schema::order::sorted;
///
/// let keys = [("bookings", "clients"), ("clients", "clients"), ("bookings", "elsewhere")];
/// assert_eq!(sorted(["bookings", "clients"], keys), Ok(vec!["clients", "bookings"]));
///
/// let cycle = sorted(["a", "b", "c"], [("a", "b"), ("b", "a")]).unwrap_err();
/// assert_eq!((cycle.sorted, cycle.waiting), (vec!["c"], vec!["a", "b"]));
/// ```
///
/// # Errors
///
/// [`Cycle`] when names depend on one another.
pub fn sorted<N: Clone + Ord>(
    names: impl IntoIterator<Item = N>,
    dependencies: impl IntoIterator<Item = (N, N)>,
) -> Result<Vec<N>, Cycle<N>> {
    let mut needs: BTreeMap<N, BTreeSet<N>> = BTreeMap::new();
    for (name, needed) in dependencies {
        if name != needed {
            needs.entry(name).or_default().insert(needed);
        }
    }
    let mut waiting: Vec<N> = names.into_iter().collect();
    let mut sorted = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let unsorted: BTreeSet<N> = waiting.iter().cloned().collect();
        let (later, ready): (Vec<N>, Vec<N>) = waiting
            .into_iter()
            .partition(|name| needs.get(name).is_some_and(|needed| !needed.is_disjoint(&unsorted)));
        if ready.is_empty() {
            return Err(Cycle { sorted, waiting: later });
        }
        sorted.extend(ready);
        waiting = later;
    }
    Ok(sorted)
}

/// Names that depend on one another, so that none of them can come first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cycle<N> {
    /// The names that could be sorted.
    pub sorted: Vec<N>,
    /// The names of the cycle, and names that depend on them, in the order given.
    pub waiting: Vec<N>,
}

impl<N: fmt::Display> fmt::Display for Cycle<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these depend on one another: ")?;
        for (position, name) in self.waiting.iter().enumerate() {
            write!(f, "{}{name}", if position == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl<N: fmt::Debug + fmt::Display> std::error::Error for Cycle<N> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_dependencies_keep_their_order() {
        assert_eq!(sorted([3, 1, 2], []), Ok(vec![3, 1, 2]));
        assert_eq!(sorted([3, 1, 2], [(3, 2), (1, 2)]), Ok(vec![2, 3, 1]));
        assert_eq!(sorted([1, 2, 3, 4], [(1, 2), (2, 3), (3, 4)]), Ok(vec![4, 3, 2, 1]));
    }

    #[test]
    fn a_cycle_names_what_is_in_it_and_what_waits_for_it() {
        let cycle = sorted(["a", "b", "c", "d"], [("b", "c"), ("c", "b"), ("d", "c")]).unwrap_err();
        assert_eq!(cycle.to_string(), "these depend on one another: b, c, d");
        assert_eq!(cycle.sorted, ["a"]);
    }
}
