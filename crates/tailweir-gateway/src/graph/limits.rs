//! Who gets how much of the memory.

use super::Ground;
use std::time::Duration;
use tailweir_config::{MemoryLimiter, Settings, TailSampling};
use tailweir_core::ByteSize;
use tailweir_sampler::EngineSettings;

/// Requests in flight get this part of the memory, between the bounds below.
const IN_FLIGHT_PART: u64 = 8;
const IN_FLIGHT_MIN: ByteSize = ByteSize::mib(64);
const IN_FLIGHT_MAX: ByteSize = ByteSize::mib(512);
/// Memory of one sampler for decisions that late spans can follow.
const DECISIONS: ByteSize = ByteSize::mib(64);
/// Memory of one sampler for ids of kept spans, by which resends are recognised.
const SPAN_IDS: ByteSize = ByteSize::mib(32);
/// All samplers together get this many percent of the memory.
const SAMPLERS_PERCENT: u64 = 40;

/// The bounds that hold for the whole process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budgets {
    /// Bytes of requests in flight.
    pub(crate) in_flight: ByteSize,
    /// Bytes held and in flight together: the soft limit of the strictest `memory_limiter`.
    pub(crate) held: Option<ByteSize>,
    /// Bytes for the undecided traces of one sampler that sets none itself.
    pub(crate) per_sampler: ByteSize,
}

impl Budgets {
    /// The bounds for `samplers` samplers and these memory limiters.
    pub(crate) fn of<'a>(
        ground: &Ground,
        limiters: impl Iterator<Item = &'a MemoryLimiter>,
        samplers: usize,
    ) -> Self {
        let memory = ground.memory;
        let held = limiters.map(|limiter| soft_limit(limiter, memory)).min();
        let base = held.unwrap_or(memory).bytes();
        let in_flight = ground.in_flight_max.unwrap_or_else(|| {
            let share = ByteSize(base / IN_FLIGHT_PART);
            share.clamp(IN_FLIGHT_MIN, IN_FLIGHT_MAX)
        });
        let all_samplers = base / 100 * SAMPLERS_PERCENT;
        Self {
            in_flight,
            held,
            per_sampler: ByteSize(all_samplers / samplers.max(1) as u64),
        }
    }
}

/// The limit above which a `memory_limiter` refuses: the hard limit less the spike.
fn soft_limit(limiter: &MemoryLimiter, memory: ByteSize) -> ByteSize {
    const FIFTH: u64 = 5;
    let percent = |share: u32| memory.bytes() / 100 * u64::from(share.min(100));
    let (hard, spike) = if limiter.limit_mib > 0 {
        let mib = |count: u32| ByteSize::mib(u64::from(count)).bytes();
        (mib(limiter.limit_mib), mib(limiter.spike_limit_mib))
    } else {
        (
            percent(limiter.limit_percentage),
            percent(limiter.spike_limit_percentage),
        )
    };
    let spike = if spike == 0 { hard / FIFTH } else { spike };
    ByteSize(hard.saturating_sub(spike))
}

/// The settings of one of `shards` shards.
pub(crate) fn engine_settings(
    settings: &TailSampling,
    budget: ByteSize,
    shards: usize,
) -> EngineSettings {
    let share = |count: u64| count.div_ceil(shards as u64) as usize;
    let budget = settings.memory_budget.unwrap_or(budget);
    EngineSettings {
        decision_wait: settings.decision_wait.max(Duration::from_millis(1)),
        decision_wait_after_root: settings.decision_wait_after_root_received,
        traces_max: share(settings.num_traces).max(1),
        refuse_on_overflow: settings.block_on_overflow,
        traces_expected: share(settings.expected_new_traces_per_sec),
        sampled_trace_bytes_max: settings.maximum_trace_size_bytes,
        abandon_on_drain: settings.drop_pending_traces_on_shutdown,
        memory_budget: ByteSize(budget.bytes() / shards as u64),
        sampled_decisions_max: share(settings.decision_cache.sampled_cache_size),
        other_decisions_max: share(settings.decision_cache.non_sampled_cache_size),
        decision_cache_budget: ByteSize(DECISIONS.bytes() / shards as u64),
        dedupe_budget: ByteSize(SPAN_IDS.bytes() / shards as u64),
        share: 1.0 / shards as f64,
        ..EngineSettings::default()
    }
}

/// The memory limiters that some pipeline uses.
pub(crate) fn used_limiters(settings: &Settings) -> impl Iterator<Item = &MemoryLimiter> {
    let used = settings
        .pipelines
        .iter()
        .flat_map(|pipeline| &pipeline.processors);
    used.filter_map(|id| match settings.processors.get(id) {
        Some(tailweir_config::Processor::MemoryLimiter(limiter)) => Some(limiter),
        _ => None,
    })
}
