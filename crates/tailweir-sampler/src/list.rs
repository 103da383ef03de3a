//! Lists threaded through the entries of a slab: rings of deadlines, order of use in the cache.

use crate::slab::Slab;

/// No entry.
pub(crate) const NOWHERE: u32 = u32::MAX;

/// An entry's neighbours in the one list that it is in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Links {
    before: u32,
    after: u32,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            before: NOWHERE,
            after: NOWHERE,
        }
    }
}

/// An entry that can be in a list.
pub(crate) trait Linked: Default {
    fn links(&self) -> &Links;
    fn links_mut(&mut self) -> &mut Links;
}

/// First in, first out; any entry can leave at any time at the same small cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct List {
    first: u32,
    last: u32,
    len: usize,
}

impl Default for List {
    fn default() -> Self {
        Self {
            first: NOWHERE,
            last: NOWHERE,
            len: 0,
        }
    }
}

impl List {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn first(&self) -> Option<u32> {
        (self.first != NOWHERE).then_some(self.first)
    }

    /// Puts an entry, which is in no list, at the end.
    pub(crate) fn push<T: Linked>(&mut self, slab: &mut Slab<T>, index: u32) {
        *slab.get_mut(index).links_mut() = Links {
            before: self.last,
            after: NOWHERE,
        };
        if self.last == NOWHERE {
            self.first = index;
        } else {
            slab.get_mut(self.last).links_mut().after = index;
        }
        self.last = index;
        self.len += 1;
    }

    /// Takes an entry of this list out.
    pub(crate) fn remove<T: Linked>(&mut self, slab: &mut Slab<T>, index: u32) {
        let Links { before, after } = std::mem::take(slab.get_mut(index).links_mut());
        if before == NOWHERE {
            self.first = after;
        } else {
            slab.get_mut(before).links_mut().after = after;
        }
        if after == NOWHERE {
            self.last = before;
        } else {
            slab.get_mut(after).links_mut().before = before;
        }
        self.len -= 1;
    }

    /// The entry behind this one.
    pub(crate) fn after<T: Linked>(slab: &Slab<T>, index: u32) -> Option<u32> {
        let after = slab.get(index).links().after;
        (after != NOWHERE).then_some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::{Linked, Links, List};
    use crate::slab::Slab;

    #[derive(Default)]
    struct Node(Links);

    impl Linked for Node {
        fn links(&self) -> &Links {
            &self.0
        }
        fn links_mut(&mut self) -> &mut Links {
            &mut self.0
        }
    }

    /// Scenario: five entries; the middle, the first and the last leave; one comes back.
    /// Guarantees: the order of the rest stands, and who comes back stands at the end.
    #[test]
    fn any_entry_can_leave() {
        let mut slab = Slab::new();
        let mut list = List::default();
        for _ in 0..5 {
            let index = slab.insert(Node::default());
            list.push(&mut slab, index);
        }
        for index in [2, 0, 4] {
            list.remove(&mut slab, index);
        }
        list.push(&mut slab, 2);
        let mut order = Vec::new();
        let mut at = list.first();
        while let Some(index) = at {
            order.push(index);
            at = List::after(&slab, index);
        }
        assert_eq!((order, list.len()), (vec![1, 3, 2], 3));
    }
}
