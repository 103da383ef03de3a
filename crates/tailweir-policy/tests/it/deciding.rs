//! Order, limits and fragments.

use crate::fixture::{
    compile, condition, decide, decide_plain, errors, limit, policy, reason, settings, spans, text,
};
use crate::replay;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tailweir_config::{Compat, Policy, PolicyKind, RateAllocation, SamplingStrategy, TailSampling};
use tailweir_core::{Moment, PolicyIndex};
use tailweir_policy::{Arrival, KeysRead, Pending, PolicySet, PolicyState};
use tailweir_testkit::{span, trace_id};

/// Scenario: a trace matches two policies, a drop policy stands last, and a policy fails.
/// Guarantees: drops come first, then the first policy in order that samples is named; the failing
/// one is passed over and counted.
#[test]
fn drops_come_first_then_the_order_of_the_list() {
    let set = compile(vec![
        policy("fails", condition("Int(span.attributes[\"x\"][\"y\"]) > 1")),
        policy("errors", errors()),
        policy("all", PolicyKind::AlwaysSample),
        policy(
            "probes",
            PolicyKind::Drop(vec![policy("p", text("route", "/health"))]),
        ),
    ]);
    let (mut state, id) = (PolicyState::new(&set), trace_id(1));
    let mut decided = |span| {
        let decision = decide(&set, &mut state, id, spans([span]));
        (reason(&set, decision), decision.evaluation_errors)
    };
    assert_eq!(
        decided(span(id, 1).error().attribute("x", "text")),
        ("errors".to_owned(), 1)
    );
    assert_eq!(
        decided(span(id, 1).attribute("x", "text")),
        ("all".to_owned(), 1)
    );
    assert_eq!(
        decided(span(id, 1).attribute("route", "/health")),
        ("probes".to_owned(), 0)
    );
}

/// Scenario: two limiters one behind the other, with and without `sample_on_first_match`.
/// Guarantees: a limiter behind a policy that samples is charged, unless the first match ends it all.
#[test]
fn a_limiter_is_charged_unless_the_first_match_stops() {
    for (sample_on_first_match, left_in_second) in [(false, 0), (true, 2)] {
        let set = PolicySet::compile(&TailSampling {
            sample_on_first_match,
            ..settings(vec![policy("one", limit(2)), policy("two", limit(2))])
        })
        .unwrap();
        let mut state = PolicyState::new(&set);
        let mut sampled_by = |name: &str| {
            let ids = (0..8).map(trace_id);
            let decisions = ids.map(|id| decide_plain(&set, &mut state, id));
            decisions
                .filter(|decision| reason(&set, *decision) == name)
                .count()
        };
        assert_eq!(sampled_by("one"), 2);
        assert_eq!(sampled_by("two"), 0);
        let mut state = PolicyState::new(&set);
        let names: Vec<_> = (0..4)
            .map(|n| reason(&set, decide_plain(&set, &mut state, trace_id(n))))
            .collect();
        assert_eq!(
            names.iter().filter(|name| *name == "two").count(),
            left_in_second
        );
    }
}

/// Scenario: in an `and`, a limiter stands behind a test that costs more, or before it; two traces come,
/// of which only the second passes the test.
/// Guarantees: the limiter is charged for what reaches it, in the order of the configuration.
#[test]
fn a_limiter_keeps_its_place_in_an_and() {
    let gold = || policy("gold", text("tier", "gold"));
    let one = || policy("one", limit(1));
    for (subs, expected) in [
        (vec![gold(), one()], "and"),
        (vec![one(), gold()], "not_sampled"),
    ] {
        let set = compile(vec![policy("and", PolicyKind::And(subs))]);
        let mut state = PolicyState::new(&set);
        decide_plain(&set, &mut state, trace_id(1));
        let id = trace_id(2);
        let request = spans([span(id, 1).attribute("tier", "gold")]);
        let decision = decide(&set, &mut state, id, request);
        assert_eq!(reason(&set, decision), expected);
    }
}

/// Scenario: in an `and` inside a composite, a condition that fails stands before or behind a test
/// that refuses the trace.
/// Guarantees: the failure counts only when it is reached, and then it fails the composite.
#[test]
fn a_failure_keeps_its_place_in_an_and() {
    let fails = || {
        let text = "Int(span.attributes[\"x\"][\"y\"]) > 1";
        policy("fails", condition(text))
    };
    let failed = || policy("failed", errors());
    for (subs, expected) in [
        (vec![failed(), fails()], ("budget", 0)),
        (vec![fails(), failed()], ("not_sampled", 1)),
    ] {
        let kind = PolicyKind::Composite {
            max_total_spans_per_second: 10,
            policy_order: vec![],
            sub_policies: vec![
                policy("and", PolicyKind::And(subs)),
                policy("rest", PolicyKind::AlwaysSample),
            ],
            rate_allocation: vec![],
        };
        let set = compile(vec![policy("budget", kind)]);
        let request = spans([span(trace_id(1), 1).attribute("x", "text")]);
        let decision = decide(&set, &mut PolicyState::new(&set), trace_id(1), request);
        assert_eq!(
            (&*reason(&set, decision), decision.evaluation_errors),
            expected
        );
    }
}

/// Scenario: half of the traces are decided elsewhere.
/// Guarantees: half of the rate flows in, but the burst stays whole, so that a large trace can pass.
#[test]
fn a_share_of_the_rate_keeps_the_whole_burst() {
    let rate = PolicyKind::RateLimiting {
        spans_per_second: 2,
        burst_capacity: 4,
    };
    let set = compile(vec![policy("rate", rate)]);
    let mut state = PolicyState::with_share(&set, 0.5);
    let request = spans((1..=4).map(|n| span(trace_id(1), n)));
    let requests = [
        request,
        spans([span(trace_id(2), 1)]),
        spans([span(trace_id(3), 1)]),
    ];
    let (_, traces) = replay::traces(&requests);
    let mut admitted = |millis, n| {
        let (now, id) = (Moment::from_millis(millis), trace_id(n));
        set.decide(&mut state, now, &traces[&id].whole(id))
            .verdict
            .is_sampled()
    };
    assert!(admitted(1000, 1));
    assert!(!admitted(1500, 2));
    assert!(admitted(2000, 2));
    assert!(!admitted(2500, 3));
}

/// Scenario: 65 traces of one span in front of a limiter that takes one, then a policy that takes all;
/// each look at the stopwatch finds it a second on.
/// Guarantees: votes are counted for every policy that was asked; the first and the 65th decision are
/// timed, and stand for 64 each.
#[test]
fn votes_are_counted_and_timed() {
    static SECONDS: AtomicU64 = AtomicU64::new(0);
    let set = compile(vec![
        policy("one", limit(1)),
        policy("all", PolicyKind::AlwaysSample),
    ]);
    let mut state = PolicyState::new(&set);
    state.time_by(|| Duration::from_secs(SECONDS.fetch_add(1, Ordering::Relaxed)));
    for n in 0..65 {
        decide_plain(&set, &mut state, trace_id(n));
    }
    let [one, all] = state.votes() else {
        panic!("two policies have votes");
    };
    assert_eq!((one.sampled.traces, one.not_sampled.traces), (1, 64));
    assert_eq!((one.executions, one.time.as_secs()), (65, 2 * 64));
    assert_eq!((all.sampled.spans, all.not_sampled.spans), (64, 0));
    assert_eq!((all.executions, all.time.as_secs()), (64, 64));
    assert_eq!(state.succeeding(&set, &set, 0.5).votes(), [*one, *all]);
}

/// Scenario: a set with two spent limiters is replaced by one in which a limiter is new, one has
/// another burst, and one is as it was.
/// Guarantees: only the limiter that is as it was stays spent.
#[test]
fn a_reload_gives_no_new_burst() {
    let before = compile(vec![policy("same", limit(1)), policy("other", limit(1))]);
    let mut state = PolicyState::new(&before);
    decide_plain(&before, &mut state, trace_id(1));
    let after = compile(vec![
        policy("same", limit(1)),
        policy("other", limit(2)),
        policy("new", limit(1)),
    ]);
    let mut state = state.succeeding(&before, &after, 1.0);
    let mut sampled = || reason(&after, decide_plain(&after, &mut state, trace_id(1)));
    assert_eq!(
        [sampled(), sampled(), sampled()],
        ["other", "other", "not_sampled"]
    );
}

fn budget() -> Policy {
    let percent = |policy: &str, percent| RateAllocation {
        policy: policy.to_owned(),
        percent,
    };
    let kind = PolicyKind::Composite {
        max_total_spans_per_second: 4,
        policy_order: vec!["rest".to_owned(), "errors".to_owned()],
        sub_policies: vec![
            policy("errors", errors()),
            policy("rest", PolicyKind::AlwaysSample),
        ],
        rate_allocation: vec![percent("errors", 50), percent("rest", 100)],
    };
    policy("budget", kind)
}

/// Scenario: six failed traces in a second, of which errors may take two and the rest up to four.
/// Guarantees: what exceeds the share of errors goes to the rest until the total is spent; in the
/// next second it begins anew. The Collector refuses at once what exceeds a share.
#[test]
fn a_spent_share_passes_on_within_the_total() {
    for (compat, expected) in [
        (
            Compat::Tailweir,
            ["errors", "errors", "rest", "rest", "", ""],
        ),
        (Compat::Collector, ["errors", "errors", "", "", "", ""]),
    ] {
        let set = PolicySet::compile(&TailSampling {
            compat,
            ..settings(vec![budget()])
        })
        .unwrap();
        let mut state = PolicyState::new(&set);
        let requests: Vec<_> = (0..6)
            .map(|n| spans([span(trace_id(n), 1).error()]))
            .collect();
        let (order, traces) = replay::traces(&requests);
        for second in [5, 6] {
            let now = Moment::from_millis(second * 1000 + 999);
            let names: Vec<_> = order
                .iter()
                .map(|id| {
                    set.decide(&mut state, now, &traces[id].whole(*id))
                        .sub_policy
                })
                .map(|sub_policy| sub_policy.map_or("", |index| set.sub_policy_name(index)))
                .collect();
            assert_eq!(names, expected);
        }
    }
}

/// Scenario: a trace arrives in two fragments under `span-ingest`; the first has an error, the second
/// may be a probe that is to be dropped.
/// Guarantees: without a drop policy the first fragment decides; with one, nothing is decided until
/// a fragment is dropped or the wait is over, and then the error counts. In the Collector, a drop
/// policy keeps everything from being sampled.
#[test]
fn a_drop_policy_delays_what_fragments_decide() {
    let drop = policy(
        "probes",
        PolicyKind::Drop(vec![policy("p", text("route", "/health"))]),
    );
    let ingest = |policies, compat| {
        let set = PolicySet::compile(&TailSampling {
            sampling_strategy: SamplingStrategy::SpanIngest,
            compat,
            ..settings(policies)
        });
        set.unwrap()
    };
    let id = trace_id(1);
    let requests = [
        spans([span(id, 1).error()]),
        spans([span(id, 2).attribute("route", "/health")]),
        spans([span(id, 3)]),
    ];
    let (_, traces) = replay::traces(&requests);
    let fragments: Vec<_> = traces[&id].fragments(id).collect();
    let arrive = |set: &PolicySet, which: usize, pending| {
        let state = &mut PolicyState::new(set);
        set.decide_on_arrival(
            state,
            Moment::ZERO,
            &fragments[which],
            which as u64 + 1,
            pending,
        )
    };
    let open = |arrival| match arrival {
        Arrival::Open(pending) => pending,
        Arrival::Decided(decision) => panic!("decided {decision:?}"),
    };

    let free = ingest(vec![policy("errors", errors())], Compat::Tailweir);
    let Arrival::Decided(decision) = arrive(&free, 0, Pending::default()) else {
        panic!("an error decides at once");
    };
    assert_eq!(reason(&free, decision), "errors");
    assert_eq!(
        reason(
            &free,
            free.settle(open(arrive(&free, 2, Pending::default())))
        ),
        "not_sampled"
    );

    let policies = || vec![policy("errors", errors()), drop.clone()];
    let ours = ingest(policies(), Compat::Tailweir);
    let seen = open(arrive(&ours, 0, Pending::default()));
    let Arrival::Decided(dropped) = arrive(&ours, 1, seen) else {
        panic!("a probe is dropped at once");
    };
    assert_eq!(reason(&ours, dropped), "probes");
    assert_eq!(
        reason(&ours, ours.settle(open(arrive(&ours, 2, seen)))),
        "errors"
    );

    let theirs = ingest(policies(), Compat::Collector);
    let seen = open(arrive(&theirs, 0, Pending::default()));
    assert_eq!(reason(&theirs, theirs.settle(seen)), "not_sampled");
}

/// Scenario: sets of policies that look at the head of a trace, at attributes, at sizes, and by OTTL.
/// Guarantees: each says what it needs to be shown, and which attributes can change a decision.
#[test]
fn a_set_says_what_it_needs() {
    let head = compile(vec![policy("errors", errors()), policy("rate", limit(1))]);
    assert!(!head.needs().spans && !head.needs().collector_size);
    assert!(!head.keys_read().includes(b"tier"));
    let keyed = compile(vec![
        policy("gold", text("tier", "gold")),
        policy("errors", errors()),
    ]);
    assert!(keyed.needs().spans);
    assert!(keyed.keys_read().includes(b"tier") && !keyed.keys_read().includes(b"route"));
    let bytes = PolicyKind::BytesLimiting {
        bytes_per_second: 1,
        burst_capacity: 0,
    };
    assert!(compile(vec![policy("bytes", bytes)]).needs().collector_size);
    let ottl = compile(vec![policy("ottl", condition("span.name == \"x\""))]);
    assert_eq!(ottl.keys_read(), KeysRead::Everything);
    assert_eq!(keyed.names().collect::<Vec<_>>(), ["gold", "errors"]);
    assert_eq!(keyed.name(PolicyIndex(7)), "");
    assert!(compile(vec![]).is_empty() && head.len() == 2);
}
