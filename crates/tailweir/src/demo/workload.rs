//! Makes the spans of visits to the shop. Pure: the seed and the time are arguments.

use super::scenario::{Kind, Service, Step, VISITS};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use std::time::Duration;

/// Shares of visits that fail and that are slow, in parts of a hundred.
const FAILING_PERCENT: u32 = 4;
const SLOW_PERCENT: u32 = 3;
/// What a slow visit takes longer, least and most.
const SLOW_MICROS: (u64, u64) = (600_000, 1_800_000);
/// An SDK hands its spans over this long after they ended, at most.
const BATCH_MICROS_MAX: u64 = 400_000;

const FIRST_NAMES: [&str; 8] = [
    "ada", "alan", "barbara", "edsger", "frances", "grace", "leslie", "niklaus",
];

/// A span and when its service hands it over.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Handed {
    pub(super) service: Service,
    /// After the start of its trace.
    pub(super) after: Duration,
    pub(super) span: Span,
}

/// An endless row of visits. The same seed gives the same visits.
#[derive(Debug)]
pub(super) struct Workload {
    random: fastrand::Rng,
    straggle: Duration,
}

impl Workload {
    /// Visits of this seed. Stragglers are handed over `straggle` after their end.
    pub(super) fn new(seed: u64, straggle: Duration) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            straggle,
        }
    }

    /// All spans of the next visit, which starts at this time, in nanoseconds of the Unix epoch.
    pub(super) fn next_visit(&mut self, start_nanos: u64) -> Vec<Handed> {
        let root = self.choose_visit();
        let faults = count(root, &|step| step.fault.is_some());
        let steps = count(root, &|step| !step.is_straggler);
        let is_failing = self.random.u32(0..100) < FAILING_PERCENT;
        let is_slow = self.random.u32(0..100) < SLOW_PERCENT;
        let mut visit = Visit {
            trace_id: self.random.u128(1..).to_be_bytes().to_vec(),
            start_nanos,
            straggle: self.straggle,
            failing: (is_failing && faults > 0).then(|| self.random.usize(0..faults)),
            slow: is_slow.then(|| self.random.usize(0..steps)),
            spans: Vec::new(),
            random: &mut self.random,
        };
        visit.make(root, None, start_nanos);
        visit.spans
    }

    fn choose_visit(&mut self) -> &'static Step {
        let mut draw = self
            .random
            .u32(0..VISITS.iter().map(|(share, _)| share).sum());
        for (share, visit) in VISITS {
            if draw < share {
                return visit;
            }
            draw -= share;
        }
        VISITS[0].1
    }
}

fn count(step: &Step, wanted: &impl Fn(&Step) -> bool) -> usize {
    let below: usize = step.steps.iter().map(|step| count(step, wanted)).sum();
    below + usize::from(wanted(step))
}

/// The caller of a step.
#[derive(Clone, Copy)]
struct Caller {
    service: Service,
    span_id: u64,
}

/// A visit while its spans are made.
struct Visit<'a> {
    trace_id: Vec<u8>,
    start_nanos: u64,
    straggle: Duration,
    /// Which of the steps that can fail does; counts down as they are passed.
    failing: Option<usize>,
    /// Which step is slow; counts down as they are passed.
    slow: Option<usize>,
    spans: Vec<Handed>,
    random: &'a mut fastrand::Rng,
}

/// How a step ended.
struct Ended {
    nanos: u64,
    failed: bool,
}

impl Visit<'_> {
    /// Makes the span of a step and of all below; a call to another service gets two.
    fn make(&mut self, step: &Step, caller: Option<Caller>, start: u64) -> Ended {
        match caller {
            Some(caller) if step.kind == Kind::Request => {
                let network = 1_000 * self.random.u64(100..=900);
                let client = self.random.u64(1..);
                let callee = Caller {
                    service: caller.service,
                    span_id: client,
                };
                let ended = self.make_one(step, Some(callee), start + network);
                let end = ended.nanos + network;
                let mut span = self.span(client, Some(caller), step.name, SpanKind::Client);
                span.start_time_unix_nano = start;
                span.end_time_unix_nano = end;
                span.attributes
                    .push(text("peer.service", step.service.name()));
                fail_if(&mut span, ended.failed, "upstream failed");
                self.hand_over(caller.service, span, false);
                Ended {
                    nanos: end,
                    failed: ended.failed,
                }
            }
            caller => self.make_one(step, caller, start),
        }
    }

    fn make_one(&mut self, step: &Step, caller: Option<Caller>, start: u64) -> Ended {
        let id = self.random.u64(1..);
        let this = Caller {
            service: step.service,
            span_id: id,
        };
        let mut end = start + 1_000 * self.own_work(step);
        let mut failed = false;
        for inner in step.steps {
            let ended = self.make(inner, Some(this), end);
            if !inner.is_straggler {
                end = ended.nanos;
            }
            failed |= ended.failed;
            if failed {
                break;
            }
        }
        let fails_here = step.fault.is_some() && hits(&mut self.failing);
        let mut span = self.span(id, caller, step.name, kind(step));
        span.start_time_unix_nano = start;
        span.end_time_unix_nano = end;
        self.describe(&mut span, step, failed || fails_here);
        if let Some(fault) = step.fault.filter(|_| fails_here) {
            span.events
                .push(exception(end, fault.exception, fault.message));
            fail_if(&mut span, true, fault.message);
        } else {
            fail_if(&mut span, failed, "a step failed");
        }
        self.hand_over(step.service, span, step.is_straggler);
        Ended {
            nanos: end,
            failed: failed || fails_here,
        }
    }

    fn own_work(&mut self, step: &Step) -> u64 {
        let (least, most) = step.work_micros;
        let usual = self.random.u64(least..=most);
        if !step.is_straggler && hits(&mut self.slow) {
            usual + self.random.u64(SLOW_MICROS.0..=SLOW_MICROS.1)
        } else {
            usual
        }
    }

    fn span(&self, id: u64, parent: Option<Caller>, name: &str, kind: SpanKind) -> Span {
        Span {
            trace_id: self.trace_id.clone(),
            span_id: id.to_be_bytes().to_vec(),
            parent_span_id: parent
                .map(|parent| parent.span_id.to_be_bytes().to_vec())
                .unwrap_or_default(),
            name: name.to_owned(),
            kind: kind as i32,
            flags: 1,
            ..Span::default()
        }
    }

    /// Attributes as instrumentation writes them, with personal data where people let it slip in.
    fn describe(&mut self, span: &mut Span, step: &Step, failed: bool) {
        match step.kind {
            Kind::Request => {
                let (method, route) = step.name.split_once(' ').unwrap_or(("GET", step.name));
                let status = if failed { 500 } else { 200 };
                span.attributes.extend([
                    text("http.request.method", method),
                    text("http.route", route),
                    whole("http.response.status_code", status),
                ]);
            }
            Kind::Statement => {
                let is_sql = step.name.starts_with("SELECT") || step.name.starts_with("INSERT");
                let system = if is_sql { "postgresql" } else { "redis" };
                span.attributes.push(text("db.system", system));
                span.attributes.push(text("db.operation.name", step.name));
            }
            Kind::Work => {}
        }
        match step.service {
            Service::Storefront if step.kind == Kind::Request => {
                let name = FIRST_NAMES[self.random.usize(0..FIRST_NAMES.len())];
                let number = self.random.u32(10..100);
                let email = format!("{name}.{number}@example.com");
                span.attributes.push(text("user.email", &email));
            }
            Service::Payment if step.kind == Kind::Work => {
                let card = format!("4111 1111 1111 {:04}", self.random.u32(0..10_000));
                span.attributes.push(text("payment.card_number", &card));
            }
            _ => {}
        }
    }

    fn hand_over(&mut self, service: Service, span: Span, is_straggler: bool) {
        let lasted = Duration::from_nanos(span.end_time_unix_nano - self.start_nanos);
        let batched = Duration::from_micros(self.random.u64(0..BATCH_MICROS_MAX));
        let straggled = if is_straggler {
            self.straggle
        } else {
            Duration::ZERO
        };
        self.spans.push(Handed {
            service,
            after: lasted + batched + straggled,
            span,
        });
    }
}

/// Whether a count-down has just come to its end.
fn hits(countdown: &mut Option<usize>) -> bool {
    match countdown {
        Some(0) => {
            *countdown = None;
            true
        }
        Some(left) => {
            *left -= 1;
            false
        }
        None => false,
    }
}

fn kind(step: &Step) -> SpanKind {
    match step.kind {
        Kind::Request => SpanKind::Server,
        Kind::Statement => SpanKind::Client,
        Kind::Work => SpanKind::Internal,
    }
}

fn fail_if(span: &mut Span, failed: bool, message: &str) {
    if failed {
        span.status = Some(Status {
            message: message.to_owned(),
            code: StatusCode::Error as i32,
        });
    }
}

fn exception(nanos: u64, exception: &str, message: &str) -> Event {
    Event {
        time_unix_nano: nanos,
        name: "exception".to_owned(),
        attributes: vec![
            text("exception.type", exception),
            text("exception.message", message),
        ],
        ..Event::default()
    }
}

/// An attribute that is text.
pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn whole(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Handed, Workload};
    use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
    use std::collections::{BTreeSet, HashSet};
    use std::time::Duration;

    const START: u64 = 1_767_225_600_000_000_000;
    const STRAGGLE: Duration = Duration::from_secs(8);

    fn visits(seed: u64, count: usize) -> Vec<Vec<Handed>> {
        let mut workload = Workload::new(seed, STRAGGLE);
        (0..count).map(|_| workload.next_visit(START)).collect()
    }

    fn is_error(handed: &Handed) -> bool {
        let code = handed.span.status.as_ref().map(|status| status.code);
        code == Some(StatusCode::Error as i32)
    }

    /// Scenario: two workloads of one seed and one of another.
    /// Guarantees: the same seed gives the same spans, another does not.
    #[test]
    fn a_seed_names_a_workload() {
        assert_eq!(visits(7, 50), visits(7, 50));
        assert_ne!(visits(7, 1), visits(8, 1));
    }

    /// Scenario: a thousand visits are made.
    /// Guarantees: every trace is one tree: one root, and each other span's parent is in the trace;
    /// times never run backwards.
    #[test]
    fn every_visit_is_a_whole_tree() {
        for visit in visits(1, 1000) {
            let ids: HashSet<_> = visit.iter().map(|it| it.span.span_id.clone()).collect();
            assert_eq!(ids.len(), visit.len());
            let roots = visit.iter().filter(|it| it.span.parent_span_id.is_empty());
            assert_eq!(roots.count(), 1);
            for handed in &visit {
                let span = &handed.span;
                assert!(span.parent_span_id.is_empty() || ids.contains(&span.parent_span_id));
                assert!(START <= span.start_time_unix_nano);
                assert!(span.start_time_unix_nano < span.end_time_unix_nano);
            }
        }
    }

    /// Scenario: a thousand visits are made.
    /// Guarantees: what the demo promises is in them: several services, errors up to the root, slow
    /// traces, personal data and spans that come after everything else.
    #[test]
    fn the_workload_holds_what_the_demo_shows() {
        let visits = visits(2, 1000);
        let spans: Vec<_> = visits.iter().flatten().collect();
        let services: BTreeSet<_> = spans.iter().map(|it| it.service).collect();
        assert_eq!(services.len(), 8);
        let root = |visit: &'_ Vec<Handed>| {
            let root = visit.iter().find(|it| it.span.parent_span_id.is_empty());
            root.cloned().unwrap()
        };
        let roots: Vec<_> = visits.iter().map(root).collect();
        let failed = roots.iter().filter(|root| is_error(root)).count();
        assert!((10..100).contains(&failed), "{failed} failed");
        let slow = roots.iter().filter(|root| {
            root.span.end_time_unix_nano - root.span.start_time_unix_nano > 500_000_000
        });
        let slow = slow.count();
        assert!((10..100).contains(&slow), "{slow} slow");
        for key in ["user.email", "payment.card_number"] {
            let has_key = |it: &&&Handed| it.span.attributes.iter().any(|it| it.key == key);
            assert!(spans.iter().any(|it| has_key(&it)), "{key}");
        }
        assert!(spans.iter().any(|it| it.after > STRAGGLE));
    }
}
