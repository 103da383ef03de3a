//! `truncate_all`: text in a map is cut to a length in bytes.

use super::entries::entries_of;
use super::{Edit, Editor, Given, TARGET, TargetKind, editor, optional, required};
use crate::coerce::Kind;
use crate::converters::Refusal;
use crate::{Text, Value};

pub(super) const TABLE: &[Editor] = &[editor(
    "truncate_all",
    &[
        TARGET,
        required("limit", Kind::LiteralInt),
        optional("utf8_safe", Kind::LiteralBool),
        optional("truncation_marker", Kind::LiteralString),
    ],
    TargetKind::Map,
    truncate_all,
)];

fn truncate_all(given: &mut Given<'_>) -> Result<Edit, Refusal> {
    let limit = given.literals.int(1).unwrap_or_default();
    let length = usize::try_from(limit)
        .map_err(|_| Refusal::new(1, format!("the limit is {limit}; it must not be negative")))?;
    let cut = Cut {
        length,
        keeps_characters: given.literals.bool(2).unwrap_or(true),
        marker: given.literals.text(3).unwrap_or_default().to_owned(),
    };
    if cut.marker.len() > length {
        let reason = format!(
            "the marker has {} bytes, more than the limit of {length}",
            cut.marker.len()
        );
        return Err(Refusal::new(3, reason));
    }
    Ok(Box::new(move |target, _| {
        let mut is_changed = false;
        let entries = entries_of(target).into_iter().map(|(key, value)| {
            let value = match value {
                Value::String(text) if text.len() > cut.length => {
                    is_changed = true;
                    Value::String(cut.apply(&text))
                }
                other => other,
            };
            (key, value)
        });
        let entries = entries.collect();
        Ok(is_changed.then(|| Value::map(entries)))
    }))
}

struct Cut {
    /// What is left is at most this long, in bytes, its marker included.
    length: usize,
    /// Whether the cut is never within a character.
    keeps_characters: bool,
    /// Stands at the end of what was cut.
    marker: String,
}

impl Cut {
    fn apply(&self, text: &[u8]) -> Text<'static> {
        let mut end = self.length - self.marker.len();
        // Bytes of the form 10xxxxxx continue a character.
        let continues = |at: usize| text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
        while self.keeps_characters && end > 0 && continues(end) {
            end -= 1;
        }
        let mut left = text[..end].to_vec();
        left.extend_from_slice(self.marker.as_bytes());
        left.into()
    }
}
