//! What waits for decisions about traces, and how logs are cut for it.

use proptest::prelude::*;
use std::borrow::Cow;
use std::time::Duration;
use tailweir_core::{ByteSize, Moment, Signal, Threshold, TraceId};
use tailweir_otlp::{LogRecordView, RequestView, count_items};
use tailweir_sampler::{LogFate, LogRule, Placed, TraceHold, TraceHoldSettings};

fn settings() -> TraceHoldSettings {
    TraceHoldSettings {
        wait: Duration::from_secs(10),
        memory_budget: ByteSize::mib(1),
        decisions_max: 100,
    }
}

fn trace(n: u8) -> TraceId {
    TraceId([n; 16])
}

/// Scenario: things of two traces come before, between and after the decisions about them.
/// Guarantees: those that waited leave with their decision, in order; those that come later follow it.
#[test]
fn things_go_the_way_of_their_trace() {
    let mut hold = TraceHold::new(settings());
    for (of, thing) in [(1, "a"), (2, "b"), (1, "c")] {
        assert_eq!(hold.place(Moment::ZERO, trace(of), 1, thing), Placed::Held);
    }
    assert_eq!(hold.decided(trace(1), true), ["a", "c"]);
    assert_eq!(hold.traces(), 1);
    assert_eq!(hold.decided(trace(2), false), ["b"]);
    let late = hold.place(Moment::from_millis(1), trace(2), 1, "d");
    let follows = Placed::Decided {
        is_kept: false,
        thing: "d",
    };
    assert_eq!(late, follows);
    assert_eq!(
        (hold.traces(), hold.bytes(), hold.next_deadline()),
        (0, 0, None)
    );
}

/// Scenario: nobody decides; more comes for the first trace while it waits.
/// Guarantees: each trace's things leave together when the time of its first one has come, and not before.
#[test]
fn what_nobody_decides_leaves_in_time() {
    let mut hold = TraceHold::new(settings());
    hold.place(Moment::ZERO, trace(2), 1, "first");
    hold.place(Moment::from_millis(5_000), trace(1), 1, "second");
    hold.place(Moment::from_millis(9_000), trace(2), 1, "third");
    assert_eq!(hold.next_deadline(), Some(Moment::from_millis(10_000)));
    assert_eq!(hold.expired(Moment::from_millis(9_999)), None);
    let due = Moment::from_millis(10_000);
    assert_eq!(hold.expired(due), Some(vec!["first", "third"]));
    assert_eq!(hold.expired(due), None);
    assert_eq!(hold.drained(), Some(vec!["second"]));
    assert_eq!(hold.drained(), None);
}

/// Scenario: room for few things and for two decisions.
/// Guarantees: what finds no room is given back and nothing else changes; the oldest decision is forgotten.
#[test]
fn memory_is_bounded() {
    let mut hold = TraceHold::new(TraceHoldSettings {
        memory_budget: ByteSize(1000),
        decisions_max: 2,
        ..settings()
    });
    let large = hold.place(Moment::ZERO, trace(1), 1001, "large");
    assert_eq!(large, Placed::NoRoom("large"));
    assert_eq!((hold.traces(), hold.bytes()), (0, 0));
    hold.place(Moment::ZERO, trace(1), 600, "fits");
    assert_eq!(
        hold.place(Moment::ZERO, trace(1), 600, "not"),
        Placed::NoRoom("not")
    );
    for n in 1..=3 {
        hold.decided(trace(n), true);
    }
    assert_eq!(
        hold.place(Moment::ZERO, trace(1), 1, "forgotten"),
        Placed::Held
    );
    let known = hold.place(Moment::ZERO, trace(2), 1, "known");
    assert!(matches!(known, Placed::Decided { is_kept: true, .. }));
}

proptest! {
    /// Scenario: any order of arrivals, decisions and time, with little room.
    /// Guarantees: every thing leaves exactly once, the budget holds, and nothing is left in the end.
    #[test]
    fn each_thing_leaves_once(steps in prop::collection::vec((0_u8..4, 0_u8..6, 0_u64..400), 1..200)) {
        let budget = 2000;
        let mut hold = TraceHold::new(TraceHoldSettings {
            memory_budget: ByteSize(budget),
            decisions_max: 3,
            ..settings()
        });
        let (mut now, mut left) = (Moment::ZERO, Vec::new());
        let mut placed = 0_usize;
        for (step, of, size) in steps {
            match step {
                0 => now = now + Duration::from_millis(size * 20),
                1 => left.extend(hold.decided(trace(of), size % 2 == 0)),
                _ => {
                    match hold.place(now, trace(of), size, placed) {
                        Placed::Held => {}
                        Placed::Decided { thing, .. } | Placed::NoRoom(thing) => left.push(thing),
                    }
                    placed += 1;
                }
            }
            while let Some(things) = hold.expired(now) {
                left.extend(things);
            }
            prop_assert!(hold.bytes() <= budget);
            prop_assert!(hold.next_deadline().is_none_or(|deadline| deadline > now));
        }
        while let Some(things) = hold.drained() {
            left.extend(things);
        }
        left.sort_unstable();
        prop_assert_eq!(left, (0..placed).collect::<Vec<_>>());
        prop_assert_eq!((hold.traces(), hold.bytes()), (0, 0));
    }
}

fn wire(request: &str) -> Vec<u8> {
    let mut out = Vec::new();
    tailweir_otlp::json::to_wire(Signal::Logs, request.as_bytes(), &mut out).expect("OTLP in JSON");
    out
}

fn bodies(request: &[u8]) -> Vec<String> {
    let records = RequestView(request)
        .resources()
        .flat_map(|resource| resource.scopes())
        .flat_map(|scope| scope.items());
    let body = |record| match LogRecordView(record).body() {
        tailweir_otlp::AnyValue::String(text) => String::from_utf8(text.to_vec()).expect("text"),
        other => panic!("no text: {other:?}"),
    };
    records.map(body).collect()
}

const MIXED: &str = r#"{"resourceLogs":[
    {"resource":{"attributes":[{"key":"r","value":{"intValue":"1"}}]},"scopeLogs":[{"scope":{"name":"s"},"logRecords":[
        {"traceId":"01010101010101010101010101010101","severityNumber":9,"body":{"stringValue":"a"}},
        {"traceId":"02020202020202020202020202020202","severityNumber":9,"body":{"stringValue":"b"}},
        {"severityNumber":17,"body":{"stringValue":"severe"}}]}]},
    {"scopeLogs":[{"logRecords":[
        {"traceId":"01010101010101010101010101010101","severityNumber":21,"body":{"stringValue":"fatal"}},
        {"body":{"stringValue":"untraced"}},
        {"traceId":"01010101010101010101010101010101","body":{"stringValue":"c"}}]}]}]}"#;

/// Scenario: a request with records of two traces, severe ones, and one without a trace, of two resources.
/// Guarantees: each record is in the part of its fate, in order, with its resource and scope.
#[test]
fn requests_are_cut_by_what_becomes_of_their_records() {
    let rule = LogRule {
        keep_severity: 17,
        untraced: Some(Threshold::ALWAYS),
    };
    let request = wire(MIXED);
    let parts = rule.cut(&request);
    let found: Vec<_> = parts
        .iter()
        .map(|part| (part.fate, bodies(&part.body)))
        .collect();
    let text = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        found,
        [
            (LogFate::Severe, text(&["severe", "fatal"])),
            (LogFate::Untraced, text(&["untraced"])),
            (LogFate::OfTrace(trace(1)), text(&["a", "c"])),
            (LogFate::OfTrace(trace(2)), text(&["b"])),
        ]
    );
    for part in &parts {
        assert_eq!(count_items(Signal::Logs, &part.body).unwrap(), part.items);
    }
    let of_one = RequestView(&parts[2].body).resources().next().unwrap();
    assert!(of_one.resource().attributes().get(b"r").is_some());
    assert_eq!(of_one.scopes().next().unwrap().scope().name(), b"s");
}

/// Scenario: all records of a request belong to one trace, and carry a field that nobody knows.
/// Guarantees: the request is not written anew.
#[test]
fn a_request_of_one_trace_keeps_its_bytes() {
    let rule = LogRule {
        keep_severity: 0,
        untraced: None,
    };
    // resource_logs { scope_logs { log_records { trace_id: ..., 99: 1 } } }
    let mut record = vec![0x4a, 16];
    record.extend([7; 16]);
    record.extend([0x98, 0x06, 1]);
    let nested = |content: &[u8], tag: u8| [&[tag, content.len() as u8], content].concat();
    let request = nested(&nested(&nested(&record, 0x12), 0x12), 0x0a);
    let parts = rule.cut(&request);
    let [part] = parts.as_slice() else {
        panic!("one part: {parts:?}");
    };
    assert_eq!(part.fate, LogFate::OfTrace(trace(7)));
    assert!(matches!(part.body, Cow::Borrowed(body) if body == request));
    assert!(rule.cut(b"").is_empty());
}

/// Scenario: ten thousand records without a trace, under shares of none, a quarter and all.
/// Guarantees: about that share passes, and the same records every time.
#[test]
fn a_share_of_untraced_records_passes() {
    let record = |n: usize| format!(r#"{{"body":{{"stringValue":"{n}"}}}}"#);
    let records: Vec<_> = (0..10_000).map(record).collect();
    let request = wire(&format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#,
        records.join(",")
    ));
    let passing = |share: f64| {
        let rule = LogRule {
            keep_severity: 17,
            untraced: Threshold::of_probability(share, 14),
        };
        let parts = rule.cut(&request);
        let items: u64 = parts.iter().map(|part| part.items).sum();
        assert_eq!(items, 10_000);
        let passing = parts.iter().find(|part| part.fate == LogFate::Untraced);
        let again = rule.cut(&request);
        assert_eq!(parts, again);
        passing.map_or(0, |part| part.items)
    };
    assert_eq!((passing(0.0), passing(1.0)), (0, 10_000));
    assert!((2_300..2_700).contains(&passing(0.25)));
}
