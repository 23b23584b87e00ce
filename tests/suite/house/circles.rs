//! Circles in a graph: nodes that reach one another.

use std::collections::BTreeSet;

/// The largest set of nodes of which each reaches every other; empty without a circle.
pub(super) fn largest(edges: &BTreeSet<(usize, usize)>) -> BTreeSet<usize> {
    let reversed = edges.iter().map(|(from, to)| (*to, *from)).collect();
    let nodes: BTreeSet<usize> = edges.iter().map(|(from, _)| *from).collect();
    let circle = |node: &usize| &reachable(edges, *node) & &reachable(&reversed, *node);
    nodes.iter().map(circle).max_by_key(BTreeSet::len).unwrap_or_default()
}

/// The nodes that one or more edges lead to.
fn reachable(edges: &BTreeSet<(usize, usize)>, start: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut pending = vec![start];
    while let Some(node) = pending.pop() {
        for (_, to) in edges.range((node, 0)..=(node, usize::MAX)) {
            if reached.insert(*to) {
                pending.push(*to);
            }
        }
    }
    reached
}
