//! Exemplars of a cluster: owners of traces are asked what became of them, and series get those that were kept.

use super::workbench::{Cluster, PROCESSES, SERVICES, connector, finish, made, now, read};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Exemplar;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use proptest::prelude::{Just, Strategy, prop_oneof, proptest};
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tailweir_connect::{Exemplars, Made, Patience};
use tailweir_core::{Signal, TraceId};
use tailweir_testkit::{request, span, trace_id};

const PATIENCE: Patience = Patience {
    first: Duration::from_secs(30),
    again: Duration::from_secs(2),
    last: Duration::from_secs(60),
};
/// Most traces that are asked about at once: enough for all of them within `again`.
const ASKED_MAX: usize = 24;

/// A trace of two spans that comes through two processes.
#[derive(Debug, Clone)]
struct Story {
    processes: [usize; 2],
    service: usize,
    /// The second in which it comes.
    at: u64,
    /// Whether it is kept; nothing: nobody ever knows.
    is_kept: Option<bool>,
    /// Answers that are lost, or come from somebody who does not know.
    unanswered: usize,
}

fn stories() -> impl Strategy<Value = Vec<Story>> {
    let is_kept = prop_oneof![
        3 => Just(Some(true)),
        3 => Just(Some(false)),
        1 => Just(None),
    ];
    let processes = [0..PROCESSES, 0..PROCESSES];
    let story = (processes, 0..SERVICES.len(), 0_u64..40, is_kept, 0_usize..5);
    let story = story.prop_map(|(processes, service, at, is_kept, unanswered)| Story {
        processes,
        service,
        at,
        is_kept,
        unanswered,
    });
    proptest::collection::vec(story, 1..40)
}

/// What is asked by each process: about which trace, when, how often.
type Asked = BTreeMap<(usize, TraceId), (u64, usize)>;

/// Asks for one process, and hears what is answered.
fn ask(cluster: &mut Cluster, process: usize, second: u64, stories: &[Story], asked: &mut Asked) {
    let maker = &mut cluster.processes[process];
    let due = maker.inquire(now(second).moment, &PATIENCE, ASKED_MAX);
    assert!(due.len() <= ASKED_MAX);
    for trace in due {
        let number = (0..stories.len()).find(|number| trace_id(*number as u64) == trace);
        let story = &stories[number.expect("a trace that came")];
        assert!(second >= story.at + 30, "too early");
        let (before, times) = asked.entry((process, trace)).or_default();
        assert!(*times == 0 || second >= *before + 2, "too soon again");
        (*before, *times) = (second, *times + 1);
        if let Some(is_kept) = story.is_kept
            && *times > story.unanswered
        {
            maker.decided(trace, is_kept);
        }
    }
}

/// The exemplars of all points, by metric.
fn exemplars(all: &[Made]) -> BTreeMap<String, Vec<Exemplar>> {
    let mut found = BTreeMap::<String, Vec<Exemplar>>::new();
    for made in all {
        let request = ExportMetricsServiceRequest::decode(made.body.as_slice()).unwrap();
        let scopes = request.resource_metrics.into_iter();
        let scopes = scopes.flat_map(|resource| resource.scope_metrics);
        for metric in scopes.flat_map(|scope| scope.metrics) {
            let of_metric = found.entry(metric.name).or_default();
            match metric.data.unwrap() {
                Data::Sum(sum) => {
                    of_metric.extend(sum.data_points.into_iter().flat_map(|it| it.exemplars));
                }
                Data::Histogram(histogram) => {
                    let points = histogram.data_points.into_iter();
                    of_metric.extend(points.flat_map(|it| it.exemplars));
                }
                Data::ExponentialHistogram(histogram) => {
                    let points = histogram.data_points.into_iter();
                    of_metric.extend(points.flat_map(|it| it.exemplars));
                }
                other => panic!("no connector makes this: {other:?}"),
            }
        }
    }
    found
}

/// Everything that happens to these traces, and what the owners of the series write.
fn run(options: &str, stories: &[Story]) -> (Cluster, Vec<Made>) {
    let mut cluster = Cluster::new(&connector("span_metrics", options));
    let (mut asked, mut written) = (Asked::new(), Vec::new());
    for second in 1..=120 {
        let coming = stories.iter().enumerate();
        for (number, story) in coming.filter(|(_, story)| story.at + 1 == second) {
            for (half, process) in story.processes.into_iter().enumerate() {
                let span = span(trace_id(number as u64), half as u64 + 1);
                let service = SERVICES[story.service];
                let body = request().service(service).span(span).bytes();
                let maker = &mut cluster.processes[process];
                let undecided = Exemplars::Undecided;
                let now = now(second - 1);
                let fed = maker.consume(
                    now,
                    Signal::Traces,
                    &body,
                    undecided,
                    |_| true,
                    &mut Vec::new(),
                );
                fed.unwrap();
            }
        }
        for process in 0..PROCESSES {
            ask(&mut cluster, process, second - 1, stories, &mut asked);
            if second % 5 == 0 {
                let changes = finish(&mut cluster.processes[process], now(second));
                cluster.bring(now(second), changes);
            }
        }
        if second == 60 {
            cluster.pass(now(second), 1);
            // Whoever gets the slot flushes meanwhile.
            written.extend(cluster.written.iter_mut().flat_map(std::mem::take));
        }
        if second % 7 == 0 || second == 120 {
            for owner in &mut cluster.owners {
                let mut out = Vec::new();
                let totals = owner.totals().unwrap();
                totals.flush(now(second), second == 120, &mut out);
                written.push(made(out));
            }
        }
    }
    (cluster, written)
}

proptest! {
    /// Scenario: two spans of each trace come through processes that decide nothing. Owners of the traces are asked from 30 s on; their
    /// answers are lost, or say that nothing is known, up to four times; of some traces nobody ever knows. A slot of the series moves
    /// meanwhile.
    /// Guarantees: series have an exemplar of each span of a kept trace, once in each metric, and of no other trace; the counts
    /// are those of all spans; nothing waits for ever, and what is given up is counted.
    #[test]
    fn exemplars_are_those_of_kept_traces(stories in stories()) {
        for histogram in ["unit: s", "exponential: {max_size: 20}"] {
            let options = format!("histogram: {{{histogram}}}, exemplars: {{enabled: true, max_per_data_point: 100}}");
            let (cluster, written) = run(&options, &stories);
            let numbered = stories.iter().enumerate();
            let kept = numbered.filter(|(_, story)| story.is_kept == Some(true));
            let spans = kept.flat_map(|(number, _)| (1_u64..=2).map(move |half| {
                (trace_id(number as u64).0.to_vec(), half.to_be_bytes().to_vec())
            }));
            let spans: BTreeSet<_> = spans.collect();
            let found = exemplars(&written);
            assert_eq!(found.len(), 2, "calls and durations");
            for (metric, exemplars) in found {
                let named: Vec<_> = exemplars
                    .into_iter()
                    .map(|it| (it.trace_id, it.span_id))
                    .collect();
                assert_eq!(named.len(), spans.len(), "{metric}");
                assert_eq!(named.into_iter().collect::<BTreeSet<_>>(), spans, "{metric}");
            }
            let calls = read(&written).into_iter().filter(|((_, name, _), _)| name.ends_with("calls"));
            let counted: u64 = calls.map(|(_, seen)| seen.counted[0]).sum();
            assert_eq!(counted, 2 * stories.len() as u64);
            let figures = cluster.processes.iter().map(|maker| maker.figures());
            assert_eq!(figures.clone().map(|it| it.exemplars_waiting).sum::<u64>(), 0);
            let given_up: u64 = figures.map(|it| it.exemplars_given_up).sum();
            let unknown = stories.iter().filter(|story| story.is_kept.is_none()).count();
            assert_eq!(given_up, 2 * unknown as u64);
        }
    }
}
