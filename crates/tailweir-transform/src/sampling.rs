//! The `probabilistic_sampler` processor.

mod carrier;

use crate::error::{CompileError, TransformError};
use crate::growth::Growth;
use crate::transform::{Count, DropCause, Outcome, Request, Transform};
use carrier::{Carrier, RecordCarrier, SpanCarrier};
use std::collections::BTreeMap;
use std::sync::Arc;
use tailweir_config::{AttributeSource, ProbabilisticSampler, SamplerMode};
use tailweir_core::{Randomness, Signal, Threshold, TraceId};
use tailweir_otlp::{AnyValue, Attributes, Change, LogRecordView, SpanView, sift_items};
use tailweir_ottl::parse_float;
use tailweir_paths::value_of;

/// Bits of the hash that decide.
const BUCKET_BITS: u32 = 14;
const BUCKETS: u32 = 1 << BUCKET_BITS;
/// The attribute of a span that says whether it must be kept.
const PRIORITY: &[u8] = b"sampling.priority";

/// The compiled settings of a `probabilistic_sampler` processor.
#[derive(Debug)]
pub(crate) struct Sampling {
    /// Of traces and of logs.
    mode: Mode,
    seed: u32,
    fails_closed: bool,
    precision: u32,
    /// Logs: whether the trace id is asked.
    asks_trace_id: bool,
    /// Logs: the attribute that is asked instead.
    from_attribute: Vec<u8>,
    /// Logs: the attribute with a percentage of its own.
    priority: Vec<u8>,
    policies: Policies,
}

#[derive(Debug)]
enum Mode {
    /// Nothing is kept.
    Never,
    /// By a hash.
    Hash(Threshold),
    /// Up to one threshold.
    Equalizing(Threshold),
    /// By a factor.
    Proportional(f64),
}

/// Names under which decisions are counted, as the Collector has them.
#[derive(Debug)]
struct Policies {
    missing: Arc<str>,
    hash: Arc<str>,
    trace_id: Arc<str>,
    randomness: Arc<str>,
    priority: Arc<str>,
    attribute: Arc<str>,
}

/// Where the randomness of an item comes from; and what stands in the way.
struct Found {
    randomness: Option<Randomness>,
    policy: Arc<str>,
    is_sound: bool,
}

impl Sampling {
    /// Compiles a `probabilistic_sampler` processor, whose settings were checked.
    pub(crate) fn new(settings: &ProbabilisticSampler) -> Self {
        let precision = u32::try_from(settings.sampling_precision).unwrap_or(4);
        Self {
            mode: Mode::new(settings, precision),
            seed: settings.hash_seed,
            fails_closed: settings.fail_closed,
            precision,
            asks_trace_id: settings.attribute_source == AttributeSource::TraceId,
            from_attribute: settings.from_attribute.clone().into_bytes(),
            priority: settings.sampling_priority.clone().into_bytes(),
            policies: Policies {
                missing: "missing_randomness".into(),
                hash: "trace_id_hash".into(),
                trace_id: "trace_id_w3c".into(),
                randomness: "sampling_randomness".into(),
                priority: "sampling_priority".into(),
                attribute: settings.from_attribute.as_str().into(),
            },
        }
    }

    /// What becomes of a span.
    fn span(&self, span: SpanView<'_>, counts: &mut Counts) -> Change {
        let (mut carrier, is_damaged) = SpanCarrier::of(span);
        let found = self.find(&mut carrier, is_damaged, |sampling| {
            let id = span.trace_id();
            (id != TraceId::default()).then(|| sampling.of_trace_id(id))
        });
        let sampling = self.decide(&mut carrier, found, |found, threshold| match span_priority(
            span.attributes(),
        ) {
            Some(is_wanted) => {
                found.policy = Arc::clone(&self.policies.priority);
                is_wanted.then_some(Threshold::ALWAYS)
            }
            None => threshold,
        });
        counts.settle(sampling, || carrier.written(span))
    }

    /// What becomes of a log record.
    fn record(&self, record: LogRecordView<'_>, counts: &mut Counts) -> Change {
        let (mut carrier, is_damaged) = RecordCarrier::of(record);
        let found = self.find(&mut carrier, is_damaged, |sampling| {
            sampling.of_record(record)
        });
        let sampling = self.decide(&mut carrier, found, |found, threshold| {
            match self.record_priority(record.attributes()) {
                Some(own) => {
                    found.policy = Arc::clone(&self.policies.priority);
                    Some(own)
                }
                None => threshold,
            }
        });
        counts.settle(sampling, || carrier.written(record))
    }

    /// The randomness of an item: what it carries, or what `derive` finds. By the hash, an item that
    /// carries any is not sound: another sampler has decided in a way that this one would not keep.
    fn find(
        &self,
        carrier: &mut impl Carrier,
        is_damaged: bool,
        derive: impl FnOnce(&Self) -> Option<(Randomness, Arc<str>)>,
    ) -> Found {
        let is_hash = matches!(self.mode, Mode::Hash(_));
        if matches!(self.mode, Mode::Never) {
            return Found {
                randomness: Some(Randomness::MAX),
                policy: Arc::clone(&self.policies.priority),
                is_sound: !is_damaged,
            };
        }
        let carried = carrier.randomness().filter(|_| !is_hash && !is_damaged);
        let derived = match carried {
            Some(carried) => Some((carried, Arc::clone(&self.policies.randomness))),
            None if is_damaged && !is_hash => None,
            None => derive(self),
        };
        let in_use = is_hash && (carrier.randomness().is_some() || carrier.threshold().is_some());
        if is_damaged || in_use {
            carrier.forget();
        } else if is_hash {
            let randomness = derived.as_ref().map(|found| found.0);
            carrier.announce(randomness);
        }
        Found {
            randomness: derived.as_ref().map(|found| found.0),
            policy: derived.map_or_else(|| Arc::clone(&self.policies.missing), |found| found.1),
            is_sound: !is_damaged && !in_use,
        }
    }

    /// Decides, and writes the threshold of what is kept into its carrier.
    fn decide(
        &self,
        carrier: &mut impl Carrier,
        mut found: Found,
        prefer: impl FnOnce(&mut Found, Option<Threshold>) -> Option<Threshold>,
    ) -> (bool, Arc<str>) {
        let randomness = found.randomness.unwrap_or(Randomness::MAX);
        let mut is_sound = found.is_sound && found.randomness.is_some();
        if is_sound
            && carrier
                .threshold()
                .is_some_and(|threshold| !randomness.is_kept_at(threshold))
        {
            // It should not have come so far: what it says of itself is wrong.
            carrier.clear_threshold();
            is_sound = false;
        }
        let threshold = if is_sound {
            self.threshold(carrier.threshold())
        } else {
            (!self.fails_closed).then_some(Threshold::ALWAYS)
        };
        let threshold = prefer(&mut found, threshold);
        let kept = threshold.filter(|threshold| randomness.is_kept_at(*threshold));
        if let Some(threshold) = kept
            && carrier.threshold().is_none_or(|before| before <= threshold)
        {
            carrier.set_threshold(threshold);
        }
        (kept.is_some(), found.policy)
    }

    /// The threshold for an item that arrived with this one.
    fn threshold(&self, arrived: Option<Threshold>) -> Option<Threshold> {
        match self.mode {
            Mode::Never => None,
            Mode::Hash(threshold) => Some(threshold),
            Mode::Equalizing(threshold) => Some(arrived.map_or(threshold, |it| it.max(threshold))),
            Mode::Proportional(ratio) => {
                let incoming = arrived.map_or(1.0, Threshold::probability);
                Threshold::of_probability(incoming * ratio, self.precision)
            }
        }
    }

    fn of_trace_id(&self, id: TraceId) -> (Randomness, Arc<str>) {
        if matches!(self.mode, Mode::Hash(_)) {
            (self.hash(&id.0), Arc::clone(&self.policies.hash))
        } else {
            (Randomness::of(id), Arc::clone(&self.policies.trace_id))
        }
    }

    /// From the trace id of a record, or, by the hash, from its attribute.
    fn of_record(&self, record: LogRecordView<'_>) -> Option<(Randomness, Arc<str>)> {
        let is_hash = matches!(self.mode, Mode::Hash(_));
        let id = record.trace_id();
        if id != TraceId::default() && (self.asks_trace_id || !is_hash) {
            return Some(self.of_trace_id(id));
        }
        if !is_hash || self.from_attribute.is_empty() {
            return None;
        }
        let hashed = match record.attributes().get(&self.from_attribute)? {
            AnyValue::Bytes(bytes) => (!bytes.is_empty()).then(|| self.hash(bytes)),
            other => {
                let text = value_of(other).to_text();
                (!text.is_empty()).then(|| self.hash(text.as_bytes()))
            }
        };
        Some((hashed?, Arc::clone(&self.policies.attribute)))
    }

    /// A percentage of the record's own.
    fn record_priority(&self, attributes: Attributes<'_>) -> Option<Threshold> {
        if self.priority.is_empty() {
            return None;
        }
        let percentage = match attributes.get(&self.priority)? {
            AnyValue::Double(percentage) => percentage,
            AnyValue::Int(percentage) => percentage as f64,
            _ => return None,
        };
        let probability = percentage / 100.0;
        let threshold = Threshold::of_probability(probability, self.precision);
        threshold.filter(|_| probability <= 1.0)
    }

    /// 56 bits out of a hash of 32: its low 14 bits decide, upside down, so that what the hash keeps is
    /// what a threshold keeps.
    fn hash(&self, bytes: &[u8]) -> Randomness {
        let mut hash = 0x811c_9dc5_u32;
        for byte in self.seed.to_le_bytes().iter().chain(bytes) {
            hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
        let bucket = u64::from(hash % BUCKETS);
        let decides = u64::from(BUCKETS) - 1 - bucket;
        let unused = u64::from(hash >> (u32::BITS - BUCKET_BITS));
        let mixed = unused ^ (unused << 10);
        Randomness::new(decides << 42 | mixed << 14 | bucket)
    }
}

impl Mode {
    fn new(settings: &ProbabilisticSampler, precision: u32) -> Self {
        // The Collector reads 32 bits, and computes with them.
        let percentage = (settings.sampling_percentage as f32).min(100.0);
        let ratio = f64::from(percentage) / 100.0;
        match settings.mode {
            _ if percentage <= 0.0 => Self::Never,
            SamplerMode::Equalizing => {
                Threshold::of_probability(ratio, precision).map_or(Self::Never, Self::Equalizing)
            }
            SamplerMode::Proportional => Self::Proportional(ratio),
            SamplerMode::HashSeed | SamplerMode::Unset => {
                let kept = (percentage * (BUCKETS as f32 / 100.0)) as u32;
                let rejected = u64::from(BUCKETS - kept.min(BUCKETS)) << 42;
                match Threshold::new(rejected) {
                    Some(threshold) if kept > 0 => Self::Hash(threshold),
                    _ => Self::Never,
                }
            }
        }
    }
}

/// Whether a span says of itself that it must be kept, or must not.
fn span_priority(attributes: Attributes<'_>) -> Option<bool> {
    let priority = match attributes.get(PRIORITY)? {
        AnyValue::Int(priority) => priority as f64,
        AnyValue::Double(priority) => priority,
        AnyValue::String(text) => parse_float(text)?,
        _ => return None,
    };
    match priority {
        0.0 => Some(false),
        priority => (priority > 0.0).then_some(true),
    }
}

/// What was decided so far.
struct Counts {
    dropped: u64,
    by_policy: BTreeMap<(Arc<str>, bool), u64>,
    growth: Growth,
}

impl Counts {
    fn settle(
        &mut self,
        (is_kept, policy): (bool, Arc<str>),
        written: impl FnOnce() -> Option<(Vec<u8>, usize)>,
    ) -> Change {
        *self.by_policy.entry((policy, is_kept)).or_default() += 1;
        if !is_kept {
            self.dropped += 1;
            return Change::Drop;
        }
        match written() {
            Some((content, before)) => self.growth.replace(before, content),
            None => Change::Keep,
        }
    }
}

impl Transform for Sampling {
    fn check(&self, signal: Signal) -> Result<(), CompileError> {
        match signal {
            Signal::Traces | Signal::Logs => Ok(()),
            Signal::Metrics => Err(CompileError::new("", "metrics are not sampled")),
        }
    }

    fn apply(&self, request: Request<'_>) -> Result<Outcome, TransformError> {
        let body = request.body;
        let mut counts = Counts {
            dropped: 0,
            by_policy: BTreeMap::new(),
            growth: Growth::default(),
        };
        let sifted = sift_items(&body, |part| match request.signal {
            Signal::Traces => self.span(SpanView(part.item), &mut counts),
            Signal::Logs => self.record(LogRecordView(part.item), &mut counts),
            Signal::Metrics => Change::Keep,
        });
        counts.growth.finish(body.len())?;
        let counted = counts.by_policy.into_iter();
        Ok(Outcome {
            dropped: counts.dropped,
            counts: counted
                .map(|((policy, sampled), count)| (Count::Sampled { policy, sampled }, count))
                .collect(),
            ..Outcome::of_sifted(body, sifted)
        })
    }

    fn drop_cause(&self) -> DropCause {
        DropCause::NotSampled
    }
}
