//! The `probabilistic_sampler` processor.

use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};

/// The least probability that a threshold of 56 bits can express.
const PROBABILITY_MIN: f64 = 1.0 / (1_u64 << 56) as f64;

choice! {
    /// How it is decided.
    pub enum SamplerMode = Unset {
        /// As `hash_seed`.
        Unset = "",
        /// By a hash of the trace id.
        HashSeed = "hash_seed",
        /// Everything comes to the same probability: what arrives with a lower one passes.
        Equalizing = "equalizing",
        /// Everything is thinned out by the same factor.
        Proportional = "proportional",
    }
}

choice! {
    /// Where the randomness of a log record comes from.
    pub enum AttributeSource = TraceId {
        /// From its trace id.
        TraceId = "traceID" | "",
        /// From one of its attributes.
        Record = "record",
    }
}

settings! {
    /// Keeps a share of spans or log records, the same ones of each trace.
    pub struct ProbabilisticSampler {
        /// The share, in percent. Above 100 is 100.
        sampling_percentage: f64 = 0.0,
        /// What the hash begins with. Samplers behind each other need different ones.
        hash_seed: u32 = 0,
        /// How it is decided: `hash_seed`, `equalizing` or `proportional`.
        mode: SamplerMode = SamplerMode::Unset,
        /// Whether what has no randomness, or contradicts itself, is dropped.
        fail_closed: bool = true,
        /// Hexadecimal digits of the threshold that is written, 1 to 14.
        sampling_precision: i64 = 4,
        /// Of logs: where the randomness comes from, `traceID` or `record`.
        attribute_source: AttributeSource = AttributeSource::TraceId,
        /// Of logs: the attribute that is hashed when there is no trace id, or for `record`.
        from_attribute: String = String::new(),
        /// Of logs: the attribute that holds a percentage of its own for the record.
        sampling_priority: String = String::new(),
    }
    rules sampler_rules;
}

fn sampler_rules(sampler: &mut ProbabilisticSampler, block: &mut Block<'_>, report: &mut Report) {
    // The Collector reads 32 bits.
    let ratio = f64::from(sampler.sampling_percentage as f32) / 100.0;
    let place = block.at("sampling_percentage");
    if !ratio.is_finite() {
        let text = "`sampling_percentage` is no finite number";
        report.error_at(place, Cause::OutOfRange, text, "");
    } else if ratio < 0.0 {
        let text = "`sampling_percentage` must not be negative";
        report.error_at(place, Cause::OutOfRange, text, "");
    } else if ratio > 0.0 && ratio < PROBABILITY_MIN {
        let text = "`sampling_percentage` is too small to be expressed";
        report.error_at(place, Cause::OutOfRange, text, "write 0 to drop everything");
    }
    if !(1..=14).contains(&sampler.sampling_precision) {
        let text = "`sampling_precision` must be 1 to 14";
        let place = block.at("sampling_precision");
        report.error_at(place, Cause::OutOfRange, text, "");
    }
}
