//! What becomes of a message whose parts were gone over one after the other.

use crate::changed_copy::ChangedCopy;
use crate::field::WritableField;
use crate::wire::put_bytes;
use std::ops::Range;

/// What becomes of a message.
#[derive(Debug, Default)]
pub enum Revision {
    /// It stays as it is.
    #[default]
    Same,
    /// It gets this content.
    New(Vec<u8>),
    /// Each message in a field of it becomes this, in order. The last ones, which have no counterpart, are
    /// added behind them if they are [`Self::New`].
    Parts(WritableField, Vec<Self>),
}

impl Revision {
    /// Of a message in whose field these are: it stays if all of them do.
    #[must_use]
    pub fn of_parts(field: WritableField, parts: Vec<Self>) -> Self {
        if parts.iter().all(|part| matches!(part, Self::Same)) {
            Self::Same
        } else {
            Self::Parts(field, parts)
        }
    }

    /// The new content of a message; nothing when it stays. However deep the changes lie, all of it is copied
    /// once, and what is not changed keeps its bytes and its place.
    #[must_use]
    pub fn apply(self, message: &[u8]) -> Option<Vec<u8>> {
        if let Self::New(content) = self {
            return Some(content);
        }
        let mut copy = ChangedCopy::new(message);
        self.write(0..message.len(), &mut copy);
        copy.finish()
    }

    fn write(self, message: Range<usize>, copy: &mut ChangedCopy<'_>) {
        match self {
            Self::Same => {}
            Self::New(content) => copy.put(message, |out| out.extend_from_slice(&content)),
            Self::Parts(field, parts) => {
                let mut parts = parts.into_iter();
                let mut end = message.end;
                copy.nested(message, field.number(), |copy, content| {
                    end = content.end;
                    parts.next().unwrap_or_default().write(content, copy);
                });
                for added in parts {
                    if let Self::New(content) = added {
                        copy.put(end..end, |out| put_bytes(out, field.number(), &content));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Revision;
    use crate::field::{ITEMS, SCOPES};

    fn new(content: &[u8]) -> Revision {
        Revision::New(content.to_vec())
    }

    /// Scenario: of three nested messages the second changes, and a fourth is added.
    /// Guarantees: the others keep bytes and place, what stands between them too, and the new one is last.
    #[test]
    fn nested_messages_are_replaced_in_place() {
        let scope = b"\x12\x01a\x1a\x01u\x12\x81\x00b\x12\x01c\x50\x07";
        let parts = vec![Revision::Same, new(b"BB"), Revision::Same, new(b"d")];
        let revision = Revision::of_parts(ITEMS, parts);
        let expected = b"\x12\x01a\x1a\x01u\x12\x02BB\x12\x01c\x12\x01d\x50\x07";
        assert_eq!(revision.apply(scope).unwrap(), expected);
    }

    /// Scenario: a message two levels down changes, in the second of two messages, so that lengths around it
    /// take another byte; another message has no part that changes.
    /// Guarantees: all lengths follow, and a message without a change is none.
    #[test]
    fn changes_lie_at_any_depth() {
        let resource = b"\x0a\x00\x12\x03\x12\x01a\x12\x06\x12\x01b\x12\x01c";
        let long = [b'x'; 130];
        let same = Revision::of_parts(ITEMS, vec![Revision::Same]);
        assert!(matches!(same, Revision::Same));
        let items = Revision::of_parts(ITEMS, vec![Revision::Same, new(&long)]);
        let revision = Revision::of_parts(SCOPES, vec![same, items]);
        let expected = [
            &b"\x0a\x00\x12\x03\x12\x01a\x12\x88\x01\x12\x01b\x12\x82\x01"[..],
            &long,
        ];
        assert_eq!(revision.apply(resource).unwrap(), expected.concat());
        assert_eq!(Revision::Same.apply(resource), None);
    }

    /// Scenario: a message is added where there are none.
    /// Guarantees: it stands behind the other fields.
    #[test]
    fn the_first_message_comes_last() {
        let revision = Revision::of_parts(ITEMS, vec![new(b"a")]);
        assert_eq!(revision.apply(b"\x0a\x00").unwrap(), b"\x0a\x00\x12\x01a");
    }
}
