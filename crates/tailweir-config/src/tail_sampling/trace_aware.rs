//! `trace_aware`: the `tail_sampling` processor of a logs pipeline, which keeps logs with their traces.

use crate::components::SeverityNumber;
use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};
use crate::{ComponentId, PipelineId};
use std::time::Duration;
use tailweir_core::ByteSize;

choice! {
    /// What becomes of logs about whose trace nobody has decided in time.
    pub enum Undecided = Keep {
        /// They are kept.
        Keep = "keep",
        /// They are dropped.
        Drop = "drop",
    }
}

settings! {
    /// Tailweir's own: in a logs pipeline, keeps log records with their traces. Records wait until a sampler of
    /// a traces pipeline has decided about their trace, and are kept or dropped with it.
    pub struct TraceAware {
        /// The `tail_sampling` processor whose decisions hold.
        sampler: ComponentId = ComponentId::default(),
        /// The traces pipeline that it stands in. Absent: the only one that has it.
        pipeline: Option<PipelineId> = None,
        /// Longest time that a record waits for a decision. Absent: twice the `decision_wait` of the sampler.
        wait: Option<Duration> = None,
        /// What becomes of records about whose trace nobody has decided by then: `keep` or `drop`.
        undecided: Undecided = Undecided::Keep,
        /// Records of this severity and above pass at once, whatever becomes of their trace: a number of
        /// OpenTelemetry, 1 to 24, or its name. 0: none.
        keep_severity: SeverityNumber = SeverityNumber(17),
        /// Share of the records without a trace id that pass, in percent.
        untraced_percentage: f64 = 100.0,
        /// Bytes of records that may wait. Beyond them records pass without waiting, and are counted. In a cluster half of
        /// it is for records that other members own.
        memory_budget: ByteSize = ByteSize::mib(64),
    }
    rules trace_aware_rules;
}

fn trace_aware_rules(aware: &mut TraceAware, block: &mut Block<'_>, report: &mut Report) {
    if aware.sampler == ComponentId::default() {
        let text = "`trace_aware` has no `sampler`";
        let fix = "name the tail_sampling processor of the traces pipeline";
        report.error_at(block.at("sampler"), Cause::Missing, text, fix);
    }
    if aware.wait == Some(Duration::ZERO) {
        let text = "`wait` must be above zero";
        report.error_at(block.at("wait"), Cause::OutOfRange, text, "");
    }
    if !(0.0..=100.0).contains(&aware.untraced_percentage) {
        let text = "`untraced_percentage` must be between 0 and 100";
        report.error_at(block.at("untraced_percentage"), Cause::OutOfRange, text, "");
    }
}
