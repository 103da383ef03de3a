//! A kept trace that was shown, for the demo's closing view.

use std::sync::{Arc, Mutex, PoisonError};

/// A text longer than this is cut: it is looked at, not processed.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// Remembers one text. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeptTrace(Arc<Mutex<Option<String>>>);

impl KeptTrace {
    /// Replaces what is remembered, unless this has fewer lines: spans that came late are shown by
    /// themselves, and are a poor picture of a trace. Colours are left out, as who asks may not be a
    /// terminal.
    pub(crate) fn remember(&self, text: &str) {
        let lines = |text: &str| text.lines().count();
        let end = text.floor_char_boundary(TEXT_BYTES_MAX);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept
            .as_deref()
            .is_none_or(|kept| lines(text) >= lines(kept))
        {
            *kept = Some(without_colours(&text[..end]));
        }
    }

    /// The longest text so far, if there was any.
    pub(crate) fn longest(&self) -> Option<String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clone()
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
        assert_eq!(kept.longest().unwrap(), "trace 1\nmore moon");
    }

    /// Scenario: a trace is followed by spans that came late, then by another trace of its length.
    /// Guarantees: what is remembered is the last of the longest.
    #[test]
    fn a_piece_does_not_replace_a_whole_trace() {
        let kept = KeptTrace::default();
        for text in ["piece", "1\n2\n3\n4", "late\npiece\nof three"] {
            kept.remember(text);
        }
        assert_eq!(kept.longest().unwrap(), "1\n2\n3\n4");
        kept.remember("5\n6\n7\n8");
        assert_eq!(kept.longest().unwrap(), "5\n6\n7\n8");
    }
}
