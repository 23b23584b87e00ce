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

/// Sorts names into groups, so that each group comes after the groups that it depends on. The names of a group depend
/// on one another; most groups have one name.
///
/// `dependencies` are as for [`sorted`].
///
/// ```
/// use watertight_schema::order::grouped;
///
/// let keys = [("bookings", "clients"), ("clients", "cards"), ("cards", "clients")];
/// assert_eq!(grouped(["bookings", "cards", "clients"], keys), [vec!["cards", "clients"], vec!["bookings"]]);
/// ```
pub fn grouped<N: Clone + Ord>(
    names: impl IntoIterator<Item = N>,
    dependencies: impl IntoIterator<Item = (N, N)>,
) -> Vec<Vec<N>> {
    let mut needs: BTreeMap<N, BTreeSet<N>> = BTreeMap::new();
    for (name, needed) in dependencies {
        needs.entry(name).or_default().insert(needed);
    }
    let mut waiting: Vec<N> = names.into_iter().collect();
    let known: BTreeSet<N> = waiting.iter().cloned().collect();
    let needs: BTreeMap<N, BTreeSet<N>> =
        waiting.iter().map(|name| (name.clone(), all_needed(name, &needs, &known))).collect();
    let needs = |name: &N, other: &N| needs.get(name).is_some_and(|needed| needed.contains(other));
    let mut groups = Vec::new();
    while !waiting.is_empty() {
        let is_ready = |name: &&N| waiting.iter().all(|other| !needs(name, other) || needs(other, name));
        // Of the names that still wait, the groups that depend on no other group are ready.
        let mut ready: Vec<N> = waiting.iter().filter(is_ready).cloned().collect();
        waiting.retain(|name| !ready.contains(name));
        while let Some(first) = ready.first().cloned() {
            let (group, others) = ready.into_iter().partition(|name| *name == first || needs(name, &first));
            groups.push(group);
            ready = others;
        }
    }
    groups
}

/// The known names that a name depends on, directly or through other names.
fn all_needed<N: Clone + Ord>(
    name: &N,
    needs: &BTreeMap<N, BTreeSet<N>>,
    known: &BTreeSet<N>,
) -> BTreeSet<N> {
    let mut found = BTreeSet::new();
    let mut follow = vec![name];
    while let Some(name) = follow.pop() {
        for needed in needs.get(name).into_iter().flatten().filter(|needed| known.contains(needed)) {
            if found.insert(needed.clone()) {
                follow.push(needed);
            }
        }
    }
    found
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
    fn groups_come_after_the_groups_they_depend_on_and_names_are_never_lost() {
        let keys =
            [("d", "b"), ("b", "c"), ("c", "b"), ("b", "a"), ("a", "a"), ("e", "f"), ("f", "e"), ("d", "x")];
        let groups = grouped(["f", "e", "d", "c", "b", "a"], keys);
        assert_eq!(groups, [vec!["f", "e"], vec!["a"], vec!["c", "b"], vec!["d"]]);
        assert_eq!(grouped([3, 1, 2], []), [[3], [1], [2]]);
    }

    #[test]
    fn a_cycle_names_what_is_in_it_and_what_waits_for_it() {
        let cycle = sorted(["a", "b", "c", "d"], [("b", "c"), ("c", "b"), ("d", "c")]).unwrap_err();
        assert_eq!(cycle.to_string(), "these depend on one another: b, c, d");
        assert_eq!(cycle.sorted, ["a"]);
    }
}
