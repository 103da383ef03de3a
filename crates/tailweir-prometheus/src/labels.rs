//! The labels of a series.

use std::cmp::Ordering;
use tailweir_otlp::MessageWriter;

/// Labels in order of their names, as the `LabelPair` messages that a page in protobuf has: copied as they
/// are there, walked for text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Labels(Box<[u8]>);

impl Labels {
    /// Labels of pairs that are in order of their names.
    pub(crate) fn of<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut out = Vec::new();
        for (name, value) in pairs {
            put_pair(&mut MessageWriter(&mut out), 1, name, value);
        }
        Self(out.into())
    }

    /// As fields of a `Metric` message.
    pub(crate) fn as_fields(&self) -> &[u8] {
        &self.0
    }

    /// Each name with its value.
    pub(crate) fn iter(&self) -> Pairs<'_> {
        Pairs(&self.0)
    }

    /// The order of a page: fewer labels first, then by values in order of the names.
    pub(crate) fn page_order(&self, other: &Self) -> Ordering {
        let count = self.iter().count().cmp(&other.iter().count());
        let values = || {
            let others = other.iter().map(|(_, value)| value);
            self.iter().map(|(_, value)| value).cmp(others)
        };
        count.then_with(values).then_with(|| self.0.cmp(&other.0))
    }

    /// Bytes of memory beside the value itself.
    pub(crate) fn memory(&self) -> usize {
        self.0.len()
    }
}

/// Walks labels.
#[derive(Debug, Clone)]
pub(crate) struct Pairs<'a>(&'a [u8]);

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (_, content, rest) = field(self.0)?;
        self.0 = rest;
        let (_, name, content) = field(content)?;
        let (_, value, _) = field(content)?;
        // What was put in was text.
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        Some((text(name), text(value)))
    }
}

/// Tag, content and what follows a length-delimited field with a tag of one byte.
#[inline]
fn field(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (length, rest) = split_varint(rest)?;
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// A varint at the start of `bytes` that this room wrote, and what follows it.
fn split_varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * at).min(63);
        if byte & 0x80 == 0 {
            return Some((value as usize, &bytes[at + 1..]));
        }
    }
    None
}

/// A `LabelPair`, of `io.prometheus.client` as of `prometheus`.
pub(crate) fn put_pair(writer: &mut MessageWriter<'_>, number: u32, name: &str, value: &str) {
    writer.message(number, |pair| {
        pair.bytes(1, name.as_bytes());
        pair.bytes(2, value.as_bytes());
    });
}

#[cfg(test)]
mod tests {
    use super::Labels;
    use std::cmp::Ordering;

    /// Scenario: labels with long, empty and foreign values.
    /// Guarantees: they come back as they were, and are ordered by count and then by value.
    #[test]
    fn labels_come_back_in_order() {
        let long = "x".repeat(300);
        let pairs = [("a", "1"), ("b", long.as_str()), ("c", ""), ("ü", "日")];
        let labels = Labels::of(pairs.into_iter());
        assert!(labels.iter().eq(pairs));
        let fewer = Labels::of([("z", "9")].into_iter());
        assert_eq!(fewer.page_order(&labels), Ordering::Less);
        let other = Labels::of([("a", "9")].into_iter());
        assert_eq!(fewer.page_order(&other), Ordering::Greater);
    }
}
