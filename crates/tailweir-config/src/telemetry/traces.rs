//! The spans of what this process does itself: `service.telemetry.traces`.

use super::{TelemetryLevel, TelemetryProcessor};
use crate::report::{Cause, Report};
use crate::setting::{Block, settings};
use serde_json::Value as Json;

settings! {
    /// The spans of what this process does itself.
    pub struct TelemetryTraces {
        /// `none`, or any other for all of them.
        level: TelemetryLevel = TelemetryLevel::Basic,
        /// Which headers of a request name the span that it belongs to: `tracecontext`. None: each begins a trace.
        propagators: Vec<String> = Vec::new(),
        /// Where they are sent. None: there are no spans.
        processors: Vec<TelemetryProcessor> = Vec::new(),
        /// Which traces are sent. Absent: as the caller has decided, and all that begin here.
        sampler: Option<TraceSampler> = None,
    }
    ignored {
        "limits": Json = "spans of this process have a handful of attributes, and neither events nor links",
    }
    rules traces_rules;
}

impl TelemetryTraces {
    /// Whether there are spans.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.level != TelemetryLevel::None && !self.processors.is_empty()
    }

    /// Whether the `traceparent` of a request names the parent of its span.
    #[must_use]
    pub fn reads_traceparent(&self) -> bool {
        self.propagators.iter().any(|name| name == TRACE_CONTEXT)
    }
}

const TRACE_CONTEXT: &str = "tracecontext";

fn traces_rules(traces: &mut TelemetryTraces, block: &mut Block<'_>, report: &mut Report) {
    for (name, place) in traces.propagators.iter().zip(block.items("propagators")) {
        match name.as_str() {
            TRACE_CONTEXT => {}
            "b3" => {
                let text = "the propagator `b3` is not available";
                let fix = "write `tracecontext`, and let callers send `traceparent`";
                report.error_at(place, Cause::AbsentOption, text, fix);
            }
            _ => {
                report.unknown_name(
                    place,
                    Cause::NotAllowed,
                    "propagator",
                    name,
                    &[TRACE_CONTEXT],
                );
            }
        }
    }
}

settings! {
    /// Which traces are sent: one of these.
    pub struct TraceSampler {
        /// All.
        always_on: Option<WithoutOptions> = None,
        /// None.
        always_off: Option<WithoutOptions> = None,
        /// A share, by their ids.
        trace_id_ratio_based: Option<TraceIdRatio> = None,
        /// As the parent was decided about.
        parent_based: Option<Box<ParentBased>> = None,
    }
    refused {
        "jaeger_remote" = "samplers that are asked for elsewhere are not supported; write `trace_id_ratio_based`",
    }
    present_when_empty true;
    rules sampler_rules;
}

fn sampler_rules(sampler: &mut TraceSampler, block: &mut Block<'_>, report: &mut Report) {
    let written = [
        sampler.always_on.is_some(),
        sampler.always_off.is_some(),
        sampler.trace_id_ratio_based.is_some(),
        sampler.parent_based.is_some(),
    ];
    let fix = "write one of `always_on`, `always_off`, `trace_id_ratio_based` and `parent_based`";
    match written.into_iter().filter(|it| *it).count() {
        1 => {}
        0 => report.error_at(block.place(), Cause::Missing, "the sampler is none", fix),
        _ => {
            let text = "the sampler is several at once";
            report.error_at(block.place(), Cause::Contradiction, text, fix);
        }
    }
}

settings! {
    /// A sampler that has no options.
    pub struct WithoutOptions {
    }
    present_when_empty true;
}

settings! {
    /// A share of all traces.
    pub struct TraceIdRatio {
        /// How many, from 0 to 1.
        ratio: f64 = 1.0,
    }
    present_when_empty true;
    rules ratio_rules;
}

fn ratio_rules(sampler: &mut TraceIdRatio, block: &mut Block<'_>, report: &mut Report) {
    if !(0.0..=1.0).contains(&sampler.ratio) {
        let text = format!("the ratio {} is not between 0 and 1", sampler.ratio);
        let fix = "write `ratio: 0.01` for one of a hundred";
        report.error_at(block.at("ratio"), Cause::OutOfRange, text, fix);
    }
}

settings! {
    /// Decides as was decided about the parent of a span.
    pub struct ParentBased {
        /// Where there is no parent. Absent: all.
        root: Option<TraceSampler> = None,
        /// Where the parent is a caller's and sampled. Absent: all.
        remote_parent_sampled: Option<TraceSampler> = None,
        /// Where it is a caller's and not sampled. Absent: none.
        remote_parent_not_sampled: Option<TraceSampler> = None,
        /// Where it is of this process and sampled. Absent: all.
        local_parent_sampled: Option<TraceSampler> = None,
        /// Where it is of this process and not sampled. Absent: none.
        local_parent_not_sampled: Option<TraceSampler> = None,
    }
    present_when_empty true;
}
