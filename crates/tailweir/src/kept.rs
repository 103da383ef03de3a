//! A kept trace that was shown, for the demo's closing view.

use std::sync::{Arc, Mutex, PoisonError};

/// From this many lines on a text shows more than a span that came late.
const LINES_OF_A_TRACE: usize = 4;
/// A text longer than this is cut: it is looked at, not processed.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// Remembers one text. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeptTrace(Arc<Mutex<Option<String>>>);

impl KeptTrace {
    /// Replaces what is remembered, except a whole trace by a mere piece of one. Colours are left out,
    /// as who asks may not be a terminal.
    pub(crate) fn remember(&self, text: &str) {
        let is_whole = |text: &str| text.lines().count() >= LINES_OF_A_TRACE;
        let end = text.floor_char_boundary(TEXT_BYTES_MAX);
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_whole(text) || !latest.as_deref().is_some_and(is_whole) {
            *latest = Some(without_colours(&text[..end]));
        }
    }

    /// What was shown last, if anything was.
    pub(crate) fn latest(&self) -> Option<String> {
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.clone()
    }
}

fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| {
        plain + part.split_once('m').map_or("", |(_, rest)| rest)
    })
}

#[cfg(test)]
mod tests {
    use super::KeptTrace;

    /// Scenario: coloured text is remembered.
    /// Guarantees: all of the text is there, and none of the colours.
    #[test]
    fn colours_are_left_out() {
        let kept = KeptTrace::default();
        kept.remember("\x1b[1mtrace 1\x1b[0m\nmore \x1b[31;1mmoon\x1b[0m");
        assert_eq!(kept.latest().unwrap(), "trace 1\nmore moon");
    }

    /// Scenario: a whole trace is followed by a piece of one, then by another whole one.
    /// Guarantees: what is remembered is the last whole one.
    #[test]
    fn a_piece_does_not_replace_a_whole_trace() {
        let kept = KeptTrace::default();
        for text in ["piece", "1\n2\n3\n4", "late piece"] {
            kept.remember(text);
        }
        assert_eq!(kept.latest().unwrap(), "1\n2\n3\n4");
        kept.remember("5\n6\n7\n8");
        assert_eq!(kept.latest().unwrap(), "5\n6\n7\n8");
    }
}
