//! Where a policy of the Collector errs, and whose rule holds.
//!
//! Each field is one deviation, described for users in `docs/compatibility.md`. `true` is
//! Tailweir's rule, which holds by default; under `compat: collector` all are `false`.

use tailweir_config::Compat;

/// Whose rule holds, deviation by deviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Attributes that are not integers match no numeric range. (Collector: they count as 0.)
    pub(crate) only_integers_are_compared: bool,
    /// Attributes that are not booleans match neither value. (Collector: they count as false.)
    pub(crate) only_booleans_are_compared: bool,
    /// Resource attributes that are not text match no text. (Collector: they count as empty text.)
    pub(crate) only_text_is_compared: bool,
    /// The duration is that of the whole trace, from the first start to the last end that are known.
    /// (Collector: with an upper bound any prefix of the spans will do; a time of 0 counts as unset
    /// only while nothing else is known.)
    pub(crate) whole_trace_latency: bool,
    /// When the share of a sub-policy is spent, the next one is asked. (Collector: the trace is not
    /// sampled.)
    pub(crate) spent_share_passes_on: bool,
    /// `max_total_spans_per_second` bounds the sum over all sub-policies. (Collector: it bounds each
    /// one.)
    pub(crate) total_is_a_sum: bool,
    /// `spanevent.event_index` is the number of the event in its span. (Collector: conditions that name
    /// it fail.)
    pub(crate) event_index_counts: bool,
    /// With `span-ingest`, a trace that a policy sampled and no drop policy dropped is kept when the
    /// wait is over. (Collector: it is not sampled.)
    pub(crate) drop_only_delays: bool,
}

impl Rules {
    const TAILWEIR: Self = Self::all(true);
    const COLLECTOR: Self = Self::all(false);

    const fn all(ours: bool) -> Self {
        Self {
            only_integers_are_compared: ours,
            only_booleans_are_compared: ours,
            only_text_is_compared: ours,
            whole_trace_latency: ours,
            spent_share_passes_on: ours,
            total_is_a_sum: ours,
            event_index_counts: ours,
            drop_only_delays: ours,
        }
    }

    pub(crate) const fn of(compat: Compat) -> Self {
        match compat {
            Compat::Tailweir => Self::TAILWEIR,
            Compat::Collector => Self::COLLECTOR,
        }
    }
}
