//! Traces, the requests that bring their spans and log records, and the clients that send them until they are taken.

mod logs;

pub(crate) use logs::{LOG_SHARD, LOG_SHARDS, RULE, SentRecord, has_logs};

use super::clock::{MILLI, SECOND, Time};
use super::course::Course;
use bytes::Bytes;
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tailweir_core::{Slot, TraceId};
use tailweir_otlp::{Scan, ScanLimits};
use tailweir_shard::Spans;
use tailweir_testkit::{request, span, trace_id};

/// A sampler runs one of so many shards; all traces are in slots of this one.
pub(crate) const SHARDS: usize = 64;
/// The number of the shard.
pub(crate) const SHARD: usize = 17;
/// Of the hash that gives a trace its slot.
pub(crate) const SLOT_SEED: u64 = 0;

/// What the policies are to make of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its deciding span has the attribute that is wanted.
    Wanted,
    /// Its deciding span has failed.
    Failed,
    /// Nothing in it is wanted.
    Dull,
}

/// A trace and what is known about it outside of the samplers.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) kind: Kind,
    /// Its spans, as their clients have them; where they are sent.
    pub(crate) spans: Vec<SentSpan>,
    /// Which of them decides.
    pub(crate) decisive: Option<usize>,
    /// When a sampler first saw one of its spans.
    pub(crate) first_brought: Option<Time>,
    /// When a sampler first saw one of its log records.
    pub(crate) first_logged: Option<Time>,
    /// When a client first heard that one of them is safe.
    pub(crate) first_taken: Option<Time>,
}

/// A span of a request.
#[derive(Debug)]
pub(crate) struct SentSpan {
    /// The content of its message.
    pub(crate) bytes: Bytes,
    pub(crate) request: usize,
}

/// A request of a client.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) at: Time,
    pub(crate) body: Bytes,
    pub(crate) content: Content,
    /// The traces of its spans, in the order in which they come.
    pub(crate) traces: Vec<TraceId>,
    pub(crate) first_sent: Option<Time>,
    pub(crate) taken_at: Option<Time>,
    /// How often it was sent.
    pub(crate) attempts: u32,
}

/// What a request has.
#[derive(Debug)]
pub(crate) enum Content {
    Spans(Arc<Scan>),
    Records,
}

/// Spans of a request that go to one sampler.
#[derive(Debug, Clone)]
pub(crate) struct Brought {
    body: Bytes,
    scan: Arc<Scan>,
    selected: Vec<u32>,
}

impl Spans for Brought {
    fn body(&self) -> &[u8] {
        &self.body
    }

    fn scan(&self) -> &Scan {
        &self.scan
    }

    fn selected(&self) -> &[u32] {
        &self.selected
    }
}

impl Request {
    fn new(at: Time, body: Bytes, content: Content, traces: Vec<TraceId>) -> Self {
        Self {
            at,
            body,
            content,
            traces,
            first_sent: None,
            taken_at: None,
            attempts: 0,
        }
    }
}

impl Brought {
    /// The spans of a request.
    pub(crate) fn all(body: &Bytes, scan: &Arc<Scan>) -> Self {
        Self {
            body: body.clone(),
            scan: Arc::clone(scan),
            selected: (0..scan.spans.len() as u32).collect(),
        }
    }

    /// Those of these traces.
    pub(crate) fn of(&self, traces: &[TraceId]) -> Self {
        let mut part = self.clone();
        let spans = &self.scan.spans;
        let is_of = |number: &u32| traces.contains(&spans[*number as usize].head.trace_id);
        part.selected.retain(is_of);
        part
    }

    pub(crate) fn traces(&self) -> BTreeSet<TraceId> {
        let spans = self.selected.iter();
        spans
            .map(|&number| self.scan.spans[number as usize].head.trace_id)
            .collect()
    }
}

/// Everything that clients send in a run.
#[derive(Debug)]
pub(crate) struct Traffic {
    pub(crate) traces: BTreeMap<TraceId, Trace>,
    pub(crate) requests: Vec<Request>,
    /// Log records.
    pub(crate) records: Vec<SentRecord>,
    /// By what they are.
    numbers: BTreeMap<Bytes, usize>,
}

/// A span that is still to be put into a request.
struct Planned {
    at: Time,
    trace: usize,
    index: u64,
    /// Whether it has what the policies look for.
    decides: bool,
}

impl Traffic {
    /// The traffic of a run: each trace has 3 to 8 spans over most of the window, and the one that decides is the last;
    /// some have spans after the decision.
    pub(crate) fn new(random: &mut Rng, course: &Course) -> Self {
        let ids = ids(random, course.traces);
        let kinds: Vec<Kind> = ids.iter().map(|_| kind(random)).collect();
        let mut planned = Vec::new();
        for trace in 0..ids.len() {
            plan(random, course, trace, &mut planned);
        }
        planned.sort_by_key(|span| (span.at, span.trace, span.index));
        let mut traffic = Self {
            traces: BTreeMap::new(),
            requests: Vec::new(),
            records: Vec::new(),
            numbers: BTreeMap::new(),
        };
        for (&id, &kind) in ids.iter().zip(&kinds) {
            let trace = Trace {
                kind,
                spans: Vec::new(),
                decisive: None,
                first_brought: None,
                first_logged: None,
                first_taken: None,
            };
            traffic.traces.insert(id, trace);
        }
        for batch in batches(random, &planned, |span| span.at) {
            traffic.add(batch, &ids, &kinds);
        }
        traffic.add_logs(random, course, &ids, &planned);
        traffic
    }

    /// When the last request is sent for the first time.
    pub(crate) fn ends(&self) -> Time {
        let times = self.requests.iter().map(|request| request.at);
        times.max().unwrap_or_default()
    }

    fn add(&mut self, batch: &[Planned], ids: &[TraceId], kinds: &[Kind]) {
        let at = batch.iter().map(|span| span.at).max().unwrap_or_default();
        let spans = batch.iter().map(|planned| {
            let built = span(ids[planned.trace], planned.index + 1)
                .named("operation")
                .attribute("index", planned.index as i64);
            match kinds[planned.trace] {
                Kind::Wanted if planned.decides => built.attribute("decision", "keep"),
                Kind::Failed if planned.decides => built.error(),
                _ => built.attribute("decision", "whatever"),
            }
        });
        let body = Bytes::from(request().service("shop").scope("it").spans(spans).bytes());
        let mut scan = Scan::new();
        Scan::traces(&body, &ScanLimits::default(), &mut scan).expect("it was just built");
        let number = self.requests.len();
        let mut traces = Vec::new();
        for (entry, planned) in scan.spans.iter().zip(batch) {
            let id = entry.head.trace_id;
            if !traces.contains(&id) {
                traces.push(id);
            }
            let bytes = Bytes::copy_from_slice(entry.span(&body).0);
            let sent = SentSpan {
                bytes,
                request: number,
            };
            let trace = self.traces.get_mut(&id).expect("all traces are known");
            if planned.decides {
                trace.decisive = Some(trace.spans.len());
            }
            trace.spans.push(sent);
        }
        let content = Content::Spans(Arc::new(scan));
        self.requests.push(Request::new(at, body, content, traces));
    }

    /// A sampler sees spans of these traces.
    pub(crate) fn brought(&mut self, now: Time, spans: &Brought) {
        for id in spans.traces() {
            if let Some(trace) = self.traces.get_mut(&id) {
                trace.first_brought.get_or_insert(now);
            }
        }
    }

    /// A request is taken, and its client knows.
    pub(crate) fn taken(&mut self, now: Time, request: usize) {
        let request = &mut self.requests[request];
        request.taken_at.get_or_insert(now);
        for id in &request.traces {
            if let Some(trace) = self.traces.get_mut(id) {
                trace.first_taken.get_or_insert(now);
            }
        }
    }
}

/// What a client sends together: it batches what its process does within some milliseconds.
fn batches<'a, T>(random: &mut Rng, planned: &'a [T], at: impl Fn(&T) -> Time) -> Vec<&'a [T]> {
    let mut rest = planned;
    let mut batches = Vec::new();
    while let Some(first) = rest.first() {
        let until = at(first) + random.u64(0..150 * MILLI);
        let count = rest.iter().take_while(|one| at(one) <= until).count();
        let (batch, later) = rest.split_at(count.clamp(1, 12));
        batches.push(batch);
        rest = later;
    }
    batches
}

pub(crate) fn slot_of(trace: TraceId) -> Slot {
    Slot::of(trace, SLOT_SEED)
}

/// Ids whose slots are of the shard that is simulated, half of them of the part of it whose logs are.
fn ids(random: &mut Rng, count: usize) -> Vec<TraceId> {
    let first = random.u64(0..1 << 40);
    let mut ids = (first..).map(trace_id);
    let mut of = |shards: usize| {
        let found = ids.find(|&id| slot_of(id).index() % shards == SHARD);
        found.expect("there is no end of ids")
    };
    let shards = [SHARDS, LOG_SHARDS].into_iter().cycle();
    shards.take(count).map(&mut of).collect()
}

/// Most traces are dropped: otherwise a split could not be seen.
fn kind(random: &mut Rng) -> Kind {
    match random.u8(..100) {
        0..15 => Kind::Wanted,
        15..25 => Kind::Failed,
        _ => Kind::Dull,
    }
}

fn plan(random: &mut Rng, course: &Course, trace: usize, planned: &mut Vec<Planned>) {
    let window = course.window * SECOND;
    let start = random.u64(0..course.traffic * SECOND);
    // Tight ones are decided with the last span on its way.
    let spread = random.u64(window / 4..window * 95 / 100);
    let count = random.u64(3..=8);
    let mut times: Vec<Time> = (0..count).map(|_| random.u64(0..=spread)).collect();
    times.sort_unstable();
    let decides = count - 1;
    if random.u8(..4) == 0 {
        times.push(window + random.u64(0..6 * SECOND));
    }
    for (index, after) in times.into_iter().enumerate() {
        let index = index as u64;
        planned.push(Planned {
            at: start + after,
            trace,
            index,
            decides: index == decides,
        });
    }
}
