//! What becomes of a load that some of the ways have taken and others have not, when it is offered again.

use super::{NamedWay, Way, Ways};
use crate::ledger::{Charge, Ledger};
use crate::pipeline::{Load, Routes, Stage, Taken};
use crate::refusal::{Bound, Refusal};
use crate::surroundings::World;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{PipelineId, Route, RoutingConnector};
use tailweir_connect::Routing;
use tailweir_core::Signal;
use tailweir_export::Amount;
use tailweir_testkit::{request, span, trace_id};
use tailweir_transform::Dialect;

/// A pipeline that refuses the first loads that it is offered.
struct Picky {
    /// How many more.
    refuses: Mutex<usize>,
    /// Items of each load that it took.
    taken: Mutex<Vec<u64>>,
}

impl Picky {
    fn refusing(times: usize) -> Arc<Self> {
        Arc::new(Self {
            refuses: Mutex::new(times),
            taken: Mutex::default(),
        })
    }

    fn taken(&self) -> Vec<u64> {
        self.taken.lock().clone()
    }
}

impl Stage for Picky {
    fn take(&self, load: Load) -> Taken<'_> {
        let mut refuses = self.refuses.lock();
        let outcome = if *refuses > 0 {
            *refuses -= 1;
            Err(load.returned(Refusal::Full {
                bound: Bound::Queue,
                retry_after: Duration::ZERO,
            }))
        } else {
            self.taken.lock().push(load.charge.amount().items);
            load.charge.into_receipt().0.delivered();
            Ok(())
        };
        Box::pin(std::future::ready(outcome))
    }
}

fn to(name: &str, stage: Arc<dyn Stage>) -> NamedWay {
    (name.to_owned(), Way::Pipeline(stage))
}

/// Books with a load that is held: the spans `failed`, which has an error, `first` and `second`.
fn held() -> (Arc<Ledger>, Load) {
    let ledger = Arc::new(Ledger::default());
    let spans = [
        span(trace_id(1), 1).named("failed").error(),
        span(trace_id(1), 2).named("first"),
        span(trace_id(1), 3).named("second"),
    ];
    let body = request().service("shop").spans(spans).bytes();
    let amount = Amount {
        items: 3,
        bytes: 1003,
    };
    let charge = Charge::take(&ledger, Signal::Traces, amount);
    (ledger, Load::held(Signal::Traces, body.into(), charge))
}

/// Offers a load until it is taken, as who holds it does. Answers how often it came back.
async fn offer(stage: &dyn Stage, ledger: &Ledger, mut load: Load) -> usize {
    let mut refusals = 0;
    while let Err(returned) = stage.take(load).await {
        load = returned.load;
        refusals += 1;
        assert_eq!(ledger.snapshot().imbalance(), 0);
        assert_eq!(load.charge.amount().items, 3);
    }
    refusals
}

/// So many items were delivered, and none is held or lost.
fn assert_delivered(ledger: &Ledger, items: u64) {
    let books = ledger.snapshot();
    assert_eq!(books.imbalance(), 0, "{books:#?}");
    let row = &books.signals["traces"];
    let ends = (row.delivered.items, row.held.items, row.lost_items());
    assert_eq!(ends, (items, 0, 0), "{books:#?}");
}

/// Sends spans for which the condition holds to the pipeline `c`, and the others to `a` and `b`.
fn routes(condition: &str, c: Arc<dyn Stage>, a_and_b: Arc<dyn Stage>) -> Arc<dyn Stage> {
    let pipelines = |names: &[&str]| -> Vec<PipelineId> {
        let id = |name: &&str| PipelineId {
            signal: Signal::Traces,
            name: (*name).to_owned(),
        };
        names.iter().map(id).collect()
    };
    let route = Route {
        condition: condition.to_owned(),
        pipelines: pipelines(&["c"]),
        ..Route::default()
    };
    let settings = RoutingConnector {
        default_pipelines: pipelines(&["a", "b"]),
        table: vec![route],
        ..RoutingConnector::default()
    };
    let dialect = Dialect {
        lambdas: false,
        surroundings: World::shared(),
    };
    let routing = Arc::new(Routing::new(&settings, &dialect).unwrap());
    assert_eq!(routing.targets()[1], pipelines(&["c"]));
    Arc::new(Routes::new(routing, vec![a_and_b, c], Arc::default()))
}

/// Scenario: a load goes through a `routing` connector, whole or in parts, to two pipelines, the second of which refuses it twice.
/// Guarantees: each pipeline gets what is its own once, also the one that took it at the first attempt; the books balance
/// whenever the load comes back.
#[tokio::test]
async fn a_refusal_behind_routes_repeats_nothing() {
    for (condition, parts) in [
        ("span.name == \"nobody\"", [3, 0]),
        ("span.status.code == STATUS_CODE_ERROR", [2, 1]),
    ] {
        let [a, b, c] = [0, 2, 0].map(Picky::refusing);
        let a_and_b = Ways::new(vec![to("traces/a", a.clone()), to("traces/b", b.clone())]);
        let routes = routes(condition, c.clone(), Arc::new(a_and_b));
        let stage = Ways::new(vec![to("routing", routes)]);
        let (ledger, load) = held();
        assert_eq!(offer(&stage, &ledger, load).await, 2, "{condition}");
        assert_eq!((a.taken(), b.taken()), (vec![parts[0]], vec![parts[0]]));
        assert_eq!(c.taken().iter().sum::<u64>(), parts[1], "{condition}");
        assert_delivered(&ledger, 2 * parts[0] + parts[1]);
    }
}

/// Scenario: of three ways one leads to a pipeline with two ways of its own, the second of which refuses a load twice; it is
/// the first way, the second or the last.
/// Guarantees: each gets the load once, whichever gets a copy and whichever the load itself.
#[tokio::test]
async fn a_refusal_behind_a_pipeline_repeats_nothing() {
    for position in 0..3 {
        let [one, other, takes, refuses] = [0, 0, 0, 2].map(Picky::refusing);
        let behind = Ways::new(vec![
            to("otlp/takes", takes.clone()),
            to("otlp/refuses", refuses.clone()),
        ]);
        let mut ways = vec![to("otlp/one", one.clone()), to("otlp/other", other.clone())];
        ways.insert(position, to("forward traces/behind", Arc::new(behind)));
        let (ledger, load) = held();
        assert_eq!(offer(&Ways::new(ways), &ledger, load).await, 2);
        for pipeline in [one, other, takes, refuses] {
            assert_eq!(pipeline.taken(), [3], "position {position}");
        }
        assert_delivered(&ledger, 12);
    }
}

/// Scenario: of the ways `a` and `b` the first has taken a load, and the second has refused it; a reload takes `a` away, turns
/// them round, takes `b` away, or puts `c` in the place of `b`.
/// Guarantees: whoever is there and has not got the load gets it, `a` does not get it again, and what was for a way that is
/// gone is in the books no longer.
#[tokio::test]
async fn a_reload_mistakes_no_way_for_another() {
    for after in [&["b"][..], &["b", "a"], &["a"], &["a", "c"]] {
        let pipelines = [("a", 0), ("b", 1), ("c", 0)];
        let pipelines = BTreeMap::from(pipelines.map(|(name, n)| (name, Picky::refusing(n))));
        let ways = |names: &[&str]| {
            let ways = names.iter().map(|name| to(name, pipelines[*name].clone()));
            Ways::new(ways.collect())
        };
        let (ledger, load) = held();
        let refused = ways(&["a", "b"]).take(load).await.unwrap_err();
        assert_eq!(offer(&ways(after), &ledger, refused.load).await, 0);
        let mut delivered = 0;
        for (name, pipeline) in &pipelines {
            let has_it = *name == "a" || after.contains(name);
            let expected: Vec<u64> = if has_it { vec![3] } else { Vec::new() };
            assert_eq!(pipeline.taken(), expected, "{name} after {after:?}");
            delivered += expected.iter().sum::<u64>();
        }
        assert_delivered(&ledger, delivered);
    }
}

/// Scenario: of a load in parts one pipeline has taken its own, another has refused it, and a reload changes the conditions, so
/// that other items are for the same two.
/// Guarantees: they get these items, both of them: what was taken before is no reason to leave out anything else.
#[tokio::test]
async fn what_is_routed_anew_is_offered_anew() {
    let [a, b, c] = [0, 1, 0].map(Picky::refusing);
    let stage = |condition| {
        let a_and_b = Ways::new(vec![to("traces/a", a.clone()), to("traces/b", b.clone())]);
        routes(condition, c.clone(), Arc::new(a_and_b))
    };
    let (ledger, load) = held();
    let before = stage("span.status.code == STATUS_CODE_ERROR");
    let refused = before.take(load).await.unwrap_err();
    let after = stage("span.name == \"first\"");
    assert_eq!(offer(&*after, &ledger, refused.load).await, 0);
    assert_eq!((a.taken(), b.taken()), (vec![2, 2], vec![2]));
    assert_eq!(c.taken(), [1]);
    assert_delivered(&ledger, 7);
}
