//! What is at an address of the program.

use super::stacks::{Stack, Stacks};
use std::collections::HashMap;

/// What the profiler calls its own handler of the signal. It is on top of every stack, and below it the
/// system's call of it.
const HANDLER: &str = "perf_signal_handler";

/// A function at an address. One that was inlined is in front of the one that it was inlined into.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Symbol {
    pub(super) name: String,
    pub(super) system_name: String,
    pub(super) file: String,
    pub(super) line: u32,
}

/// What is at the addresses of some stacks.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    at: HashMap<usize, Vec<Symbol>>,
}

impl Symbols {
    /// Looks up each address once.
    pub(super) fn of(stacks: &Stacks) -> Self {
        let mut symbols = Self::default();
        for address in stacks.iter().flat_map(|(stack, _)| &stack.addresses) {
            symbols
                .at
                .entry(*address)
                .or_insert_with(|| look_up(*address));
        }
        // What was read of the program's file is not needed between profiles.
        backtrace::clear_symbol_cache();
        symbols
    }

    /// What is at this address; empty where nobody knows.
    pub(super) fn at(&self, address: usize) -> &[Symbol] {
        self.at.get(&address).map_or(&[], Vec::as_slice)
    }

    /// What the thread did when it was looked at: its stack without the calls that looked. Nothing where these have
    /// no names, as in a program without a table of symbols.
    pub(super) fn work<'a>(&self, stack: &'a Stack) -> Option<&'a [usize]> {
        let is_handler = |&address: &usize| self.at(address).iter().any(|it| it.name == HANDLER);
        let handler = stack.addresses.iter().position(is_handler)?;
        stack.addresses.get(handler + 2..)
    }
}

fn look_up(address: usize) -> Vec<Symbol> {
    let mut found = Vec::new();
    backtrace::resolve(std::ptr::without_provenance_mut(address), |symbol| {
        let Some(name) = symbol.name() else { return };
        let file = symbol.filename();
        found.push(Symbol {
            // Without the hash behind it.
            name: format!("{name:#}"),
            system_name: String::from_utf8_lossy(name.as_bytes()).into_owned(),
            file: file.map_or_else(String::new, |file| file.to_string_lossy().into_owned()),
            line: symbol.lineno().unwrap_or_default(),
        });
    });
    found
}

#[cfg(test)]
mod tests {
    use super::{HANDLER, Symbol, Symbols};
    use crate::profile::stacks::Stack;

    fn symbols(names: &[(usize, &str)]) -> Symbols {
        let symbol = |name: &str| Symbol {
            name: name.to_owned(),
            system_name: name.to_owned(),
            file: String::new(),
            line: 0,
        };
        let at = names
            .iter()
            .map(|&(address, name)| (address, vec![symbol(name)]));
        Symbols { at: at.collect() }
    }

    fn stack(addresses: &[usize]) -> Stack {
        Stack {
            thread: String::new(),
            addresses: addresses.to_vec(),
        }
    }

    /// Scenario: a stack with the profiler's own calls on top, however many; one that ends in them; a program whose
    /// functions have no names.
    /// Guarantees: what is shown begins with what the thread did; nothing is shown that cannot be told from the profiler.
    #[test]
    fn the_profilers_own_calls_are_left_out() {
        let symbols = symbols(&[(1, "trace"), (2, HANDLER), (4, "scan"), (5, "main")]);
        let work = |addresses: &[usize]| symbols.work(&stack(addresses)).map(<[usize]>::to_vec);
        assert_eq!(work(&[1, 2, 3, 4, 5]), Some(vec![4, 5]));
        assert_eq!(work(&[2, 3, 4, 5]), Some(vec![4, 5]));
        assert_eq!(work(&[1, 2]), None);
        assert_eq!(work(&[6, 7, 8]), None);
    }
}
