//! The `memory_limiter` processor.

use crate::report::{Cause, Report};
use crate::setting::{Block, settings};
use std::time::Duration;

settings! {
    /// Refuses data, retryably, while memory is short.
    pub struct MemoryLimiter {
        /// How often memory is measured. Must be above zero.
        check_interval: Duration = Duration::ZERO,
        /// The hard limit, in MiB. 0: that of `limit_percentage`.
        limit_mib: u32 = 0,
        /// How far below the hard limit data is refused, in MiB. 0: a fifth of `limit_mib`.
        spike_limit_mib: u32 = 0,
        /// The hard limit, in percent of the memory of the container or host. 0: that of `limit_mib`.
        limit_percentage: u32 = 0,
        /// How far below the hard limit data is refused, in percent of the memory. 0: a fifth of
        /// `limit_percentage`.
        spike_limit_percentage: u32 = 0,
    }
    ignored {
        "ballast_size_mib": u32 = "there is no garbage collector",
        "min_gc_interval_when_soft_limited": Duration = "there is no garbage collector",
        "min_gc_interval_when_hard_limited": Duration = "there is no garbage collector",
        "max_gc_interval_when_soft_limited": Duration = "there is no garbage collector",
        "max_gc_interval_when_hard_limited": Duration = "there is no garbage collector",
    }
    rules memory_limiter_rules;
}

fn memory_limiter_rules(limiter: &mut MemoryLimiter, block: &mut Block<'_>, report: &mut Report) {
    if limiter.check_interval.is_zero() {
        let text = "`check_interval` must be above zero";
        report.error_at(
            block.at("check_interval"),
            Cause::Missing,
            text,
            "add `check_interval: 1s`",
        );
    }
    if limiter.limit_mib == 0 && limiter.limit_percentage == 0 {
        let text = "the memory limiter has no limit";
        let fix = "add `limit_mib` or `limit_percentage: 80`";
        report.error_at(block.place(), Cause::Missing, text, fix);
    }
    for (key, percent) in [
        ("limit_percentage", limiter.limit_percentage),
        ("spike_limit_percentage", limiter.spike_limit_percentage),
    ] {
        if percent > 100 {
            let text = format!("`{key}` is above 100 percent");
            report.error_at(block.at(key), Cause::OutOfRange, text, "");
        }
    }
    for (limit_key, limit, spike_key, spike) in [
        (
            "limit_mib",
            limiter.limit_mib,
            "spike_limit_mib",
            limiter.spike_limit_mib,
        ),
        (
            "limit_percentage",
            limiter.limit_percentage,
            "spike_limit_percentage",
            limiter.spike_limit_percentage,
        ),
    ] {
        if limit > 0 && spike >= limit {
            let text = format!("`{spike_key}` must be below `{limit_key}`");
            report.error_at(block.at(spike_key), Cause::Contradiction, text, "lower it");
        }
    }
}
