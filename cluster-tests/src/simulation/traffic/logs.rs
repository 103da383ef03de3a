//! Log records of the traces, and some of none: before the spans, among them and after the decision.

use super::{Content, Planned as PlannedSpan, Request, Traffic};
use crate::simulation::clock::{SECOND, Time};
use crate::simulation::course::Course;
use bytes::Bytes;
use fastrand::Rng;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message as _;
use std::sync::LazyLock;
use tailweir_core::{Slot, Threshold, TraceId};
use tailweir_otlp::RequestView;
use tailweir_sampler::{LogFate, LogRule};

/// Records of this severity number and above pass whatever becomes of their trace.
const SEVERE: i32 = 17;
/// Any other.
const INFO: i32 = 9;

/// Log records are of slots of this shard, an eighth of those whose spans are simulated: each slot has letters of its own.
pub(crate) const LOG_SHARD: usize = super::SHARD;
/// Of so many.
pub(crate) const LOG_SHARDS: usize = 8 * super::SHARDS;

/// What holds for the records of a run.
pub(crate) static RULE: LazyLock<LogRule> = LazyLock::new(|| LogRule {
    keep_severity: SEVERE,
    untraced: Threshold::of_probability(0.5, 14),
});

/// Whether the records of this slot are simulated.
pub(crate) fn has_logs(slot: Slot) -> bool {
    slot.index() % LOG_SHARDS == LOG_SHARD
}

/// A record, as its client has it.
#[derive(Debug)]
pub(crate) struct SentRecord {
    /// What is to become of it.
    pub(crate) fate: LogFate,
    /// Nobody can tell it, or one beside it, from another that says the same.
    pub(crate) is_timeless: bool,
    pub(crate) request: usize,
    /// When a sampler last saw it come.
    pub(crate) brought: Option<Time>,
    /// It left because there was no room for it, and nobody had a copy.
    pub(crate) is_overflow: bool,
}

/// A record that is still to be put into a request.
struct Planned {
    at: Time,
    trace: Option<TraceId>,
    severity: i32,
    is_timeless: bool,
}

impl Traffic {
    /// Adds the records of a run.
    pub(super) fn add_logs(
        &mut self,
        random: &mut Rng,
        course: &Course,
        ids: &[TraceId],
        spans: &[PlannedSpan],
    ) {
        let mut planned = Vec::new();
        for (trace, &id) in ids.iter().enumerate() {
            let begin = spans.iter().find(|span| span.trace == trace);
            if let Some(begin) = begin.filter(|_| has_logs(super::slot_of(id))) {
                plan(random, course, id, begin.at, &mut planned);
            }
        }
        for _ in 0..course.traces / 12 {
            let at = random.u64(0..course.traffic * SECOND);
            planned.push(record(random, None, at));
        }
        planned.sort_by_key(|record| record.at);
        for batch in super::batches(random, &planned, |record| record.at) {
            self.add_records(batch);
        }
    }

    fn add_records(&mut self, batch: &[Planned]) {
        let records = (self.records.len()..).zip(batch);
        let records = records.map(|(number, planned)| planned.message(number));
        let body = request_of(records.collect());
        // Those of one trace in one request are one fragment, which is known by all of them.
        let is_timeless = |trace| {
            let mut batch = batch.iter();
            batch.any(|record| record.trace == trace && record.is_timeless)
        };
        for (planned, record) in batch.iter().zip(records_of(&body)) {
            let number = self.records.len();
            self.numbers.insert(Bytes::copy_from_slice(record), number);
            self.records.push(SentRecord {
                fate: planned.fate(number),
                is_timeless: is_timeless(planned.trace),
                request: self.requests.len(),
                brought: None,
                is_overflow: false,
            });
        }
        let at = batch.last().map_or(0, |record| record.at);
        self.requests
            .push(Request::new(at, body, Content::Records, Vec::new()));
    }

    /// Which records these are; nothing for one that nobody sent like this.
    pub(crate) fn records_in(&self, request: &[u8]) -> Vec<Option<usize>> {
        let records = records_of(request);
        records
            .map(|record| self.numbers.get(record).copied())
            .collect()
    }

    /// A sampler sees these records.
    pub(crate) fn brought_records(&mut self, now: Time, request: &[u8]) {
        for number in self.records_in(request).into_iter().flatten() {
            let record = &mut self.records[number];
            record.brought = Some(now);
            if let LogFate::OfTrace(trace) = record.fate
                && let Some(trace) = self.traces.get_mut(&trace)
            {
                trace.first_logged.get_or_insert(now);
            }
        }
    }
}

impl Planned {
    fn message(&self, number: usize) -> LogRecord {
        let time = if self.is_timeless { 0 } else { 1 + self.at };
        LogRecord {
            time_unix_nano: time,
            severity_number: self.severity,
            body: Some(AnyValue {
                value: Some(Value::StringValue(format!("record {number}"))),
            }),
            trace_id: self.trace.map(|id| id.0.to_vec()).unwrap_or_default(),
            ..LogRecord::default()
        }
    }

    /// One without a trace passes or not by what it is, wherever it stands.
    fn fate(&self, number: usize) -> LogFate {
        match self.trace {
            _ if self.severity >= SEVERE => LogFate::Severe,
            Some(trace) => LogFate::OfTrace(trace),
            None => RULE.cut(&request_of(vec![self.message(number)]))[0].fate,
        }
    }
}

/// Up to three records of a trace, whose first span comes at this time.
fn plan(
    random: &mut Rng,
    course: &Course,
    trace: TraceId,
    begin: Time,
    planned: &mut Vec<Planned>,
) {
    let window = course.window * SECOND;
    for _ in 0..random.u64(1..=3) {
        let at = match random.u8(..4) {
            0 => begin.saturating_sub(random.u64(0..3 * SECOND)),
            1 | 2 => begin + random.u64(0..window),
            _ => begin + window + random.u64(0..6 * SECOND),
        };
        planned.push(record(random, Some(trace), at));
    }
}

fn record(random: &mut Rng, trace: Option<TraceId>, at: Time) -> Planned {
    Planned {
        at,
        trace,
        severity: if random.u8(..8) == 0 { SEVERE } else { INFO },
        is_timeless: random.u8(..12) == 0,
    }
}

fn request_of(log_records: Vec<LogRecord>) -> Bytes {
    let scope = ScopeLogs {
        log_records,
        ..ScopeLogs::default()
    };
    let resource = ResourceLogs {
        scope_logs: vec![scope],
        ..ResourceLogs::default()
    };
    let resource_logs = vec![resource];
    let request = ExportLogsServiceRequest { resource_logs };
    request.encode_to_vec().into()
}

fn records_of(request: &[u8]) -> impl Iterator<Item = &[u8]> {
    RequestView(request)
        .scopes()
        .flat_map(|scope| scope.items())
}
