//! What happened in a run: a hash of all of it, and the text when somebody wants to read it.

use super::clock::{SECOND, Time};

/// The history of a run.
#[derive(Debug, Default)]
pub(crate) struct History {
    hash: u64,
    events: u64,
    lines: Option<Vec<String>>,
}

impl History {
    /// Most lines that are kept; the last ones matter.
    const LINES_MAX: usize = 400_000;

    pub(crate) fn new(is_traced: bool) -> Self {
        Self {
            hash: 0xcbf2_9ce4_8422_2325,
            events: 0,
            lines: is_traced.then(Vec::new),
        }
    }

    /// Takes an event down: numbers that tell it from others, and what it is in words.
    pub(crate) fn note(&mut self, now: Time, numbers: &[u64], words: impl FnOnce() -> String) {
        self.events += 1;
        for &number in [now].iter().chain(numbers) {
            self.hash = (self.hash ^ number).wrapping_mul(0x0000_0100_0000_01b3);
            self.hash ^= self.hash >> 29;
        }
        if let Some(lines) = &mut self.lines
            && lines.len() < Self::LINES_MAX
        {
            let seconds = now as f64 / SECOND as f64;
            lines.push(format!("{seconds:10.4} {}", words()));
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}
