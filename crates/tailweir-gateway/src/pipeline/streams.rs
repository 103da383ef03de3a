//! Streams of metrics in a cluster: all those of one target go to one member, which alone writes them.
//!
//! A request is cut by the targets of its resources, whose bytes stay as they are. A target has a slot as a trace has one, and
//! the owner of the slot is the *writer* of its streams. Nothing is held in a window or copied: what the writer has taken
//! goes on at once, or into a sum.

mod delivery;
mod exposing;
mod owned;
mod pairing;
mod summing;
mod taken;

pub(crate) use exposing::Exposing;
pub(crate) use pairing::Pairing;
pub(crate) use summing::{Summing, ToSums};

use crate::membership::{Brought, OutgoingPart};
use crate::pipeline::SLOT_SEED;
use crate::refusal::Refusal;
use bytes::Bytes;
use futures_core::future::BoxFuture;
use std::sync::Arc;
use tailweir_core::{Signal, Slot};
use tailweir_export::Amount;
use tailweir_otlp::{MetricView, RequestView, ResourceFields, ScopeFields, count_items};
use tailweir_placement::RoutingTable;
use tailweir_prometheus::target_key;
use tailweir_shard::{Counted, Handed};

/// What of a member writes streams.
pub(crate) trait Writer: Send + Sync + 'static {
    /// A part that another member brought.
    fn take_part(&self, part: OutgoingPart) -> BoxFuture<'_, Brought>;

    /// There is a newer table.
    fn learn(&self, table: &Arc<RoutingTable>);
}

/// The streams of a request whose targets have one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bundle {
    slot: Slot,
    /// A request of them alone.
    body: Bytes,
    amount: Amount,
    /// When it is what an owner of the slot knew: the changes that are in it.
    handed: Option<Vec<Counted>>,
    /// Whether another member, which did not answer, may have taken it.
    is_doubtful: bool,
}

/// Says in which slot the streams of a resource are.
pub(crate) type SlotOfResource = Arc<dyn Fn(ResourceFields<'_>) -> Slot + Send + Sync>;

impl Bundle {
    /// The bundles of a request. Together they have each of its resources once.
    fn all_of(request: &Bytes, slot_of: &dyn Fn(ResourceFields<'_>) -> Slot) -> Vec<Self> {
        let mut requests = RequestView(request).split_resources(slot_of);
        // The only one is the request itself.
        let only = (requests.len() == 1).then(|| request.clone());
        let requests = requests.drain(..).map(|(slot, body)| {
            let body = only.clone().unwrap_or_else(|| body.into());
            Self {
                slot,
                amount: amount_of(&body),
                body,
                handed: None,
                is_doubtful: false,
            }
        });
        requests.collect()
    }

    /// The bundles of a part that another member sent.
    fn of_part(
        part: &OutgoingPart,
        slot_of: &dyn Fn(ResourceFields<'_>) -> Slot,
    ) -> Result<Vec<Self>, Refusal> {
        let counted = count_items(Signal::Metrics, &part.spans);
        counted.map_err(|error| Refusal::Malformed {
            signal: Signal::Metrics,
            detail: error.to_string(),
        })?;
        Ok(Self::all_of(&part.spans, slot_of))
    }

    /// What an owner of the slot knew of it, with the changes that are in it.
    fn handed(slot: Slot, body: Bytes, taken: Vec<Counted>) -> Self {
        Self {
            slot,
            body,
            amount: Amount::default(),
            handed: Some(taken),
            is_doubtful: false,
        }
    }

    fn as_handed(&self) -> Option<Handed> {
        let taken = self.handed.clone()?;
        Some(Handed {
            slot: self.slot,
            taken,
            is_doubtful: self.is_doubtful,
        })
    }
}

/// The slot of the target that sends this resource.
pub(crate) fn slot_of(resource: ResourceFields<'_>) -> Slot {
    slot_of_target(target_key(resource))
}

fn slot_of_target(key: u64) -> Slot {
    Slot::of_key(&key.to_le_bytes(), SLOT_SEED)
}

fn amount_of(request: &[u8]) -> Amount {
    let metrics = RequestView(request).scopes().flat_map(ScopeFields::items);
    let points = metrics.map(|metric| MetricView(metric).data().points().count() as u64);
    Amount {
        items: points.sum(),
        bytes: request.len() as u64,
    }
}

/// Several bundles as one request, and how much it is.
fn joined(bundles: &[Bundle]) -> (Bytes, Amount) {
    let amount = bundles
        .iter()
        .fold(Amount::default(), |sum, bundle| Amount {
            items: sum.items + bundle.amount.items,
            bytes: sum.bytes + bundle.amount.bytes,
        });
    let body = match bundles {
        [only] => only.body.clone(),
        several => {
            let bodies: Vec<&[u8]> = several.iter().map(|bundle| &*bundle.body).collect();
            bodies.concat().into()
        }
    };
    (body, amount)
}

#[cfg(test)]
mod tests {
    use super::{Bundle, joined, slot_of};
    use bytes::Bytes;
    use proptest::prelude::{any, proptest};
    use std::collections::BTreeSet;
    use tailweir_otlp::{
        AttributeSet, EncodedValue, MetricHead, MetricsWriter, NewNumberPoint, Number, RequestView,
        ResourceFields, Temporality,
    };

    /// A request of one resource for each of these, with so many points of one sum, and something else that tells it apart.
    fn request(resources: &[(u8, u8)]) -> Bytes {
        let mut out = Vec::new();
        let mut request = MetricsWriter::new(&mut out);
        for (number, (target, points)) in resources.iter().enumerate() {
            let mut attributes = AttributeSet::default();
            let name = format!("shop-{target}");
            attributes.put(b"service.name", &EncodedValue::string(name.as_bytes()));
            attributes.put(b"number", &EncodedValue::int(number as i64));
            request.resource(&attributes, |mut resource| {
                resource.scope(b"test", |mut scope| {
                    let head = MetricHead {
                        name: b"orders",
                        ..MetricHead::default()
                    };
                    scope.sum(head, Temporality::Cumulative, true, |mut sum| {
                        for point in 0..*points {
                            sum.number(&NewNumberPoint {
                                attributes: &AttributeSet::default(),
                                start: 1,
                                time: 2,
                                value: Number::Int(point.into()),
                                exemplars: &[],
                            });
                        }
                    });
                });
            });
        }
        out.into()
    }

    fn resources(request: &[u8]) -> impl Iterator<Item = ResourceFields<'_>> {
        RequestView(request).resources()
    }

    proptest! {
        /// Scenario: any targets, some of them several times, with any number of points.
        /// Guarantees: each resource is in one bundle, byte for byte, and in that of its target; there is one bundle for a
        /// slot, and together they are the request.
        #[test]
        fn a_request_is_cut_by_target(of in proptest::collection::vec((any::<u8>(), 0_u8..5), 1..40)) {
            let whole = request(&of);
            let bundles = Bundle::all_of(&whole, &slot_of);
            let slots: BTreeSet<_> = bundles.iter().map(|bundle| bundle.slot).collect();
            assert_eq!(slots.len(), bundles.len());
            for bundle in &bundles {
                for resource in resources(&bundle.body) {
                    assert_eq!(slot_of(resource), bundle.slot);
                }
            }
            let (together, amount) = joined(&bundles);
            let mut parts: Vec<_> = resources(&together).map(|resource| resource.0).collect();
            let mut wanted: Vec<_> = resources(&whole).map(|resource| resource.0).collect();
            parts.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(parts, wanted);
            assert_eq!(amount.items, of.iter().map(|(_, points)| u64::from(*points)).sum::<u64>());
        }
    }

    /// Scenario: a request of one target.
    /// Guarantees: it is not copied.
    #[test]
    fn the_only_bundle_is_the_request() {
        let whole = request(&[(1, 3), (1, 2)]);
        let bundles = Bundle::all_of(&whole, &slot_of);
        assert_eq!(bundles.len(), 1);
        assert_eq!(bundles[0].body.as_ptr(), whole.as_ptr());
    }
}
