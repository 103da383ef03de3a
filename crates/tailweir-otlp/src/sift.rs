//! Messages out of which some of what is nested in them is taken, or put back changed.
//!
//! Each function asks about every nested message, in order, and answers with the message as it is then.
//! Whatever is not asked about, and what is kept, stays byte for byte.
//!
//! ```
//! use tailweir_otlp::{Change, SpanView, sift_items};
//!
//! // resource_spans { scope_spans { spans { name: "x" } spans { name: "y" } } }
//! let request = b"\x0a\x0c\x12\x0a\x12\x03\x2a\x01x\x12\x03\x2a\x01y";
//! let sifted = sift_items(request, |part| match SpanView(part.item).name() {
//!     b"x" => Change::Drop,
//!     _ => Change::Keep,
//! });
//! assert_eq!(sifted.content.unwrap(), b"\x0a\x07\x12\x05\x12\x03\x2a\x01y");
//! ```

use crate::assemble::Part;
use crate::splice::Positions;
use crate::view::{DataPoint, MetricData, MetricView, ResourceFields, ScopeFields, SpanView, span};
use crate::view::{RequestView, SpanEventView};
use crate::wire::{Fields, put_bytes};
use std::collections::BTreeMap;

const RESOURCES: u32 = 1;
const NESTED: u32 = 2;
const POINTS: u32 = 1;

/// What becomes of a nested message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It stays as it is.
    Keep,
    /// It is taken out.
    Drop,
    /// It gets this content.
    Replace(Vec<u8>),
}

/// A message after it was sifted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sifted {
    /// The new content; nothing when nothing changed.
    pub content: Option<Vec<u8>>,
    /// How many of the nested messages are left.
    pub left: usize,
}

impl Sifted {
    /// What becomes of the message itself when it is not wanted empty.
    #[must_use]
    pub fn unless_empty(self) -> Change {
        if self.left == 0 {
            Change::Drop
        } else {
            self.into_change()
        }
    }

    /// What becomes of the message itself when it may be empty.
    #[must_use]
    pub fn into_change(self) -> Change {
        self.content.map_or(Change::Keep, Change::Replace)
    }
}

impl<'a> RequestView<'a> {
    /// Asks about each resource with what belongs to it.
    pub fn sift_resources(self, mut ask: impl FnMut(ResourceFields<'a>) -> Change) -> Sifted {
        sift(self.0, RESOURCES, |resource| ask(ResourceFields(resource)))
    }
}

impl<'a> RequestView<'a> {
    /// Cuts a request into one for each key that `key_of` gives to resources, in the order in which keys come.
    /// Resources with what belongs to them keep their bytes and their order.
    pub fn split_resources<K: Ord>(
        self,
        mut key_of: impl FnMut(ResourceFields<'a>) -> K,
    ) -> Vec<(K, Vec<u8>)> {
        let mut requests: Vec<Vec<u8>> = Vec::new();
        let mut numbers = BTreeMap::new();
        for resource in self.resources() {
            let next = requests.len();
            let number = *numbers.entry(key_of(resource)).or_insert(next);
            if number == next {
                requests.push(Vec::new());
            }
            put_bytes(&mut requests[number], RESOURCES, resource.0);
        }
        let mut keyed: Vec<_> = numbers.into_iter().collect();
        keyed.sort_by_key(|(_, number)| *number);
        let keys = keyed.into_iter().map(|(key, _)| key);
        keys.zip(requests).collect()
    }
}

impl<'a> ResourceFields<'a> {
    /// Asks about each scope with its items.
    pub fn sift_scopes(self, mut ask: impl FnMut(ScopeFields<'a>) -> Change) -> Sifted {
        sift(self.0, NESTED, |scope| ask(ScopeFields(scope)))
    }
}

impl<'a> ScopeFields<'a> {
    /// Asks about the content of each item.
    pub fn sift_items(self, ask: impl FnMut(&'a [u8]) -> Change) -> Sifted {
        sift(self.0, NESTED, ask)
    }
}

impl<'a> SpanView<'a> {
    /// Asks about each event.
    pub fn sift_events(self, mut ask: impl FnMut(SpanEventView<'a>) -> Change) -> Sifted {
        sift(self.0, span::EVENTS, |event| ask(SpanEventView(event)))
    }
}

impl<'a> MetricView<'a> {
    /// Asks about each data point. A metric without data has none.
    pub fn sift_points(self, mut ask: impl FnMut(DataPoint<'a>) -> Change) -> Sifted {
        // Of several kinds of data only the last counts, and only it is looked at.
        let kinds = Fields::new(self.0).filter_map(|field| {
            Some((field.number, MetricData::new(field.number, field.bytes()?)?))
        });
        let Some((number, _)) = kinds.last() else {
            return Sifted {
                content: None,
                left: 0,
            };
        };
        let mut left = 0;
        let sifted = sift(self.0, number, |data| {
            let Some(kind) = MetricData::new(number, data) else {
                return Change::Keep;
            };
            let sifted = sift(data, POINTS, |point| ask(kind.point(point)));
            left = sifted.left;
            sifted.into_change()
        });
        Sifted { left, ..sifted }
    }
}

/// Asks about each item of a request. Scopes and resources that are left without any go too.
pub fn sift_items<'a>(request: &'a [u8], mut ask: impl FnMut(Part<'a>) -> Change) -> Sifted {
    RequestView(request).sift_resources(|resource| {
        let scopes = resource.sift_scopes(|scope| {
            let items = scope.sift_items(|item| {
                ask(Part {
                    resource,
                    scope,
                    item,
                })
            });
            items.unless_empty()
        });
        scopes.unless_empty()
    })
}

/// Asks about each item of a request. Scopes and resources stay, whether they have any or not. Nothing when
/// nothing changes.
pub fn change_items<'a>(
    request: &'a [u8],
    mut ask: impl FnMut(Part<'a>) -> Change,
) -> Option<Vec<u8>> {
    let sifted = RequestView(request).sift_resources(|resource| {
        let scopes = resource.sift_scopes(|scope| {
            let items = scope.sift_items(|item| {
                ask(Part {
                    resource,
                    scope,
                    item,
                })
            });
            items.into_change()
        });
        scopes.into_change()
    });
    sifted.content
}

/// Asks about each length-delimited field `number` of a message.
fn sift<'a>(message: &'a [u8], number: u32, mut ask: impl FnMut(&'a [u8]) -> Change) -> Sifted {
    let mut out: Option<Vec<u8>> = None;
    let (mut copied, mut left) = (0, 0);
    for (field, end) in Positions::new(message) {
        let Some(content) = field.content.filter(|_| field.number == number) else {
            continue;
        };
        let change = ask(content);
        left += usize::from(change != Change::Drop);
        if change == Change::Keep {
            continue;
        }
        // Where all of many messages grow, room for that is made once.
        let room = message.len() + message.len() / 4;
        let out = out.get_or_insert_with(|| Vec::with_capacity(room));
        out.extend_from_slice(&message[copied..field.start]);
        if let Change::Replace(content) = change {
            put_bytes(out, number, &content);
        }
        copied = end;
    }
    if let Some(out) = &mut out {
        out.extend_from_slice(&message[copied..]);
    }
    Sifted { content: out, left }
}

#[cfg(test)]
mod tests {
    use super::{Change, RequestView, change_items, sift_items};
    use crate::MetricView;

    /// Scenario: the only item of the first of two resources is dropped, and the item of the second
    /// replaced, between fields that nobody knows.
    /// Guarantees: the first resource is gone, lengths follow, and unknown fields stay.
    #[test]
    fn what_is_left_empty_goes_and_the_rest_stays() {
        let request =
            b"\x50\x01\x0a\x07\x12\x05\x12\x03\x2a\x01x\x0a\x09\x12\x05\x12\x03\x2a\x01y\x50\x02";
        let sifted = sift_items(request, |part| match part.item {
            b"\x2a\x01x" => Change::Drop,
            _ => Change::Replace(b"\x2a\x02yy".to_vec()),
        });
        assert_eq!(sifted.left, 1);
        let expected = b"\x50\x01\x0a\x0a\x12\x06\x12\x04\x2a\x02yy\x50\x02";
        assert_eq!(sifted.content.unwrap(), expected);
    }

    /// Scenario: everything is kept, in a request with an empty resource.
    /// Guarantees: nothing changes unless empty ones are to go.
    #[test]
    fn what_is_kept_is_not_copied() {
        let request = b"\x0a\x07\x12\x05\x12\x03\x2a\x01x";
        assert_eq!(sift_items(request, |_| Change::Keep).content, None);
        let hollow = [&request[..], b"\x0a\x00"].concat();
        let kept = RequestView(&hollow).sift_resources(|_| Change::Keep);
        assert_eq!((kept.content, kept.left), (None, 2));
        assert_eq!(change_items(&hollow, |_| Change::Keep), None);
        let sifted = sift_items(&hollow, |_| Change::Keep);
        assert_eq!(sifted.content.unwrap(), request);
    }

    /// Scenario: a request of three resources, the first and the last of one key.
    /// Guarantees: a request for each key, in the order of the first of each, resources as they were.
    #[test]
    fn a_request_is_cut_by_a_key_of_its_resources() {
        let request = b"\x0a\x02\x1a\x00\x0a\x03\x1a\x01b\x0a\x02\x1a\x00";
        let split = RequestView(request).split_resources(|resource| resource.0.len());
        let wanted = [
            (2, b"\x0a\x02\x1a\x00\x0a\x02\x1a\x00".to_vec()),
            (3, b"\x0a\x03\x1a\x01b".to_vec()),
        ];
        assert_eq!(split, wanted);
    }

    /// Scenario: one of two points of a gauge is dropped; a metric has no data.
    /// Guarantees: the other point stays, and what has no data has no points.
    #[test]
    fn points_are_taken_out_of_any_data() {
        let gauge = b"\x0a\x01g\x2a\x0a\x0a\x03\x40\x01\x50\x0a\x03\x40\x02\x51";
        let metric = MetricView(&gauge[..15]);
        assert_eq!(metric.data().points().count(), 2);
        let mut first = true;
        let sifted = metric.sift_points(|_| match std::mem::take(&mut first) {
            true => Change::Drop,
            false => Change::Keep,
        });
        assert_eq!(sifted.left, 1);
        let left = sifted.content.unwrap();
        assert_eq!(MetricView(&left).data().points().count(), 1);
        let none = MetricView(b"\x0a\x01g").sift_points(|_| Change::Drop);
        assert_eq!((none.content, none.left), (None, 0));
    }
}
