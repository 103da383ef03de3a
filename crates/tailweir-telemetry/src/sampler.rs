//! Which traces of this process are sent.

use crate::context::SpanContext;
use tailweir_config::TraceSampler;
use tailweir_core::TraceId;

/// Decides about a span when it begins.
#[derive(Debug)]
pub(crate) enum Sampler {
    On,
    Off,
    /// Those whose id, read as 63 bits, is below this.
    Ratio(u64),
    ParentBased(Box<ByParent>),
}

/// What decides, by the parent.
#[derive(Debug)]
pub(crate) struct ByParent {
    root: Sampler,
    remote_sampled: Sampler,
    remote_not_sampled: Sampler,
    local_sampled: Sampler,
    local_not_sampled: Sampler,
}

impl Sampler {
    /// The configured one; without one, as the parent was decided about, and all that begin here.
    pub(crate) fn of(settings: Option<&TraceSampler>) -> Self {
        match settings {
            Some(settings) => Self::compiled(settings),
            None => Self::ParentBased(Box::new(ByParent {
                root: Self::On,
                remote_sampled: Self::On,
                remote_not_sampled: Self::Off,
                local_sampled: Self::On,
                local_not_sampled: Self::Off,
            })),
        }
    }

    fn compiled(settings: &TraceSampler) -> Self {
        let or = |settings: &Option<TraceSampler>, otherwise| {
            settings.as_ref().map_or(otherwise, Self::compiled)
        };
        if let Some(by_parent) = &settings.parent_based {
            return Self::ParentBased(Box::new(ByParent {
                root: or(&by_parent.root, Self::On),
                remote_sampled: or(&by_parent.remote_parent_sampled, Self::On),
                remote_not_sampled: or(&by_parent.remote_parent_not_sampled, Self::Off),
                local_sampled: or(&by_parent.local_parent_sampled, Self::On),
                local_not_sampled: or(&by_parent.local_parent_not_sampled, Self::Off),
            }));
        }
        if let Some(share) = &settings.trace_id_ratio_based {
            return Self::Ratio((share.ratio * (1_u64 << 63) as f64) as u64);
        }
        match settings.always_off {
            Some(_) => Self::Off,
            None => Self::On,
        }
    }

    /// Whether a span of this trace and parent is sent.
    pub(crate) fn samples(&self, trace_id: TraceId, parent: Option<&SpanContext>) -> bool {
        match self {
            Self::On => true,
            Self::Off => false,
            // As SDKs do, so that all of them keep the same traces.
            Self::Ratio(bound) => {
                let [.., a, b, c, d, e, f, g, h] = trace_id.0;
                u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1 < *bound
            }
            Self::ParentBased(by_parent) => {
                let sampler = match parent.map(|it| (it.is_remote, it.is_sampled)) {
                    None => &by_parent.root,
                    Some((true, true)) => &by_parent.remote_sampled,
                    Some((true, false)) => &by_parent.remote_not_sampled,
                    Some((false, true)) => &by_parent.local_sampled,
                    Some((false, false)) => &by_parent.local_not_sampled,
                };
                sampler.samples(trace_id, parent)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Sampler;
    use crate::context::{SpanContext, new_span_id, new_trace_id};
    use tailweir_config::{ParentBased, TraceIdRatio, TraceSampler, WithoutOptions};
    use tailweir_core::TraceId;

    fn parent(is_remote: bool, is_sampled: bool) -> SpanContext {
        SpanContext {
            trace_id: new_trace_id(),
            span_id: new_span_id(),
            is_sampled,
            is_remote,
            trace_state: String::new(),
        }
    }

    fn ratio(ratio: f64) -> TraceSampler {
        TraceSampler {
            trace_id_ratio_based: Some(TraceIdRatio { ratio }),
            ..TraceSampler::default()
        }
    }

    /// Scenario: ids in the lower and the upper quarter, and the shares none, a half and all.
    /// Guarantees: an id is in every share that is larger than its place.
    #[test]
    fn a_share_is_taken_by_id() {
        let id = |first: u8| TraceId([9, 9, 9, 9, 9, 9, 9, 9, first, 0, 0, 0, 0, 0, 0, 0]);
        let taken = |share| {
            let sampler = Sampler::of(Some(&ratio(share)));
            [id(0x3f), id(0xc0)].map(|id| sampler.samples(id, None))
        };
        assert_eq!(taken(0.0), [false, false]);
        assert_eq!(taken(0.5), [true, false]);
        assert_eq!(taken(1.0), [true, true]);
    }

    /// Scenario: no sampler is configured.
    /// Guarantees: spans follow their parent; those without one are sent.
    #[test]
    fn by_default_the_parent_decides() {
        let sampler = Sampler::of(None);
        let samples =
            |parent: Option<SpanContext>| sampler.samples(new_trace_id(), parent.as_ref());
        assert!(samples(None));
        assert!(samples(Some(parent(true, true))) && samples(Some(parent(false, true))));
        assert!(!samples(Some(parent(true, false))) && !samples(Some(parent(false, false))));
    }

    /// Scenario: traces that begin here are not sent, and callers' are although they are not sampled.
    /// Guarantees: each rule holds for its kind of parent alone.
    #[test]
    fn each_kind_of_parent_has_its_rule() {
        let (on, off) = (Some(WithoutOptions {}), Some(WithoutOptions {}));
        let by_parent = ParentBased {
            root: Some(TraceSampler {
                always_off: off,
                ..TraceSampler::default()
            }),
            remote_parent_not_sampled: Some(TraceSampler {
                always_on: on,
                ..TraceSampler::default()
            }),
            ..ParentBased::default()
        };
        let sampler = Sampler::of(Some(&TraceSampler {
            parent_based: Some(Box::new(by_parent)),
            ..TraceSampler::default()
        }));
        let samples =
            |parent: Option<SpanContext>| sampler.samples(new_trace_id(), parent.as_ref());
        assert!(!samples(None));
        assert!(samples(Some(parent(true, false))));
        assert!(!samples(Some(parent(false, false))));
    }
}
