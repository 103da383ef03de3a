//! What is taken out of a document: marked one by one, then taken out at once. To take each out alone would move all
//! that stand behind it.

use super::tree::{NodeId, Tree};
use std::collections::{HashMap, HashSet};

/// Nodes and attributes that are to go.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    nodes: HashSet<NodeId>,
    /// By element, the numbers of its attributes.
    attributes: HashMap<NodeId, HashSet<usize>>,
}

impl Gone {
    /// Marks a node, with all that is in it.
    pub(crate) fn node(&mut self, node: NodeId) {
        self.nodes.insert(node);
    }

    /// Marks an attribute by its number.
    pub(crate) fn attribute(&mut self, element: NodeId, number: usize) {
        self.attributes.entry(element).or_default().insert(number);
    }

    /// Takes out what was marked.
    pub(crate) fn take_out(&self, tree: &mut Tree) {
        let nodes = self.nodes.iter();
        let parents: HashSet<NodeId> = nodes
            .filter_map(|node| tree.nodes[*node].parent.take())
            .collect();
        for parent in parents {
            let children = &mut tree.nodes[parent].children;
            children.retain(|child| !self.nodes.contains(child));
        }
        for (element, numbers) in &self.attributes {
            let mut next = 0;
            tree.nodes[*element].attributes.retain(|_| {
                next += 1;
                !numbers.contains(&(next - 1))
            });
        }
    }
}
