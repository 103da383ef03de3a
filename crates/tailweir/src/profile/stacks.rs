//! Stacks that were seen, and how often.

use std::collections::HashMap;

/// Where a thread was, innermost call first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Stack {
    /// The thread's name.
    pub(super) thread: String,
    /// Addresses of instructions.
    pub(super) addresses: Vec<usize>,
}

/// A number of different stacks, each with how often it was seen.
#[derive(Debug)]
pub(super) struct Stacks {
    stacks_max: usize,
    counts: HashMap<Stack, u64>,
    beyond: u64,
}

impl Stacks {
    /// Room for this many different ones.
    pub(super) fn with_room_for(stacks_max: usize) -> Self {
        Self {
            stacks_max,
            counts: HashMap::new(),
            beyond: 0,
        }
    }

    /// Counts a stack that was seen so often. A new one that finds no room is counted without its calls.
    pub(super) fn add(&mut self, stack: Stack, times: u64) {
        if let Some(count) = self.counts.get_mut(&stack) {
            *count += times;
        } else if self.counts.len() < self.stacks_max {
            self.counts.insert(stack, times);
        } else {
            self.beyond += times;
        }
    }

    /// Each stack and how often it was seen.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Stack, u64)> {
        self.counts.iter().map(|(stack, &count)| (stack, count))
    }

    /// How often a stack was seen that found no room.
    pub(super) fn beyond(&self) -> u64 {
        self.beyond
    }
}

#[cfg(test)]
mod tests {
    use super::{Stack, Stacks};

    fn stack(address: usize) -> Stack {
        Stack {
            thread: "one".to_owned(),
            addresses: vec![address, 7],
        }
    }

    /// Scenario: more different stacks are seen than there is room for, and those that are there are seen again.
    /// Guarantees: the room is kept to, those that are there go on to be counted, and no sample is left out of the sum.
    #[test]
    fn stacks_are_bounded_and_every_sample_is_counted() {
        let mut stacks = Stacks::with_room_for(2);
        for (address, times) in [(1, 3), (2, 1), (3, 5), (1, 4), (3, 2)] {
            stacks.add(stack(address), times);
        }
        let mut seen: Vec<_> = stacks
            .iter()
            .map(|(stack, count)| (stack.addresses[0], count))
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, [(1, 7), (2, 1)]);
        assert_eq!(stacks.beyond(), 7);
    }
}
