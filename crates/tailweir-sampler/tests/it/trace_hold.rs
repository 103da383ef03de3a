//! What waits for decisions about traces, and how logs are cut for it.

use proptest::prelude::*;
use std::borrow::Cow;
use std::time::Duration;
use tailweir_core::{ByteSize, Moment, Signal, Threshold, TraceId};
use tailweir_otlp::{LogRecordView, Outer, RequestView, count_items};
use tailweir_sampler::{LogFate, LogPart, LogRule, Placed, TraceHold, TraceHoldSettings};

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

/// Scenario: of three things that wait for a trace two are taken back, then the third; one came from elsewhere with little
/// time left.
/// Guarantees: what is left waits on, to the moment that it had; the budget is given back with each.
#[test]
fn what_is_not_wanted_any_more_is_taken_back() {
    let mut hold = TraceHold::new(settings());
    let soon = Moment::from_millis(20);
    hold.place_until(soon, trace(1), 100, "a");
    for thing in ["b", "c"] {
        hold.place(Moment::ZERO, trace(1), 100, thing);
    }
    let all = hold.bytes();
    assert_eq!(hold.withdraw(trace(1), |thing| *thing == "b"), ["a", "c"]);
    assert!(
        (100..all - 200).contains(&hold.bytes()),
        "{} of {all}",
        hold.bytes()
    );
    assert_eq!(hold.next_deadline(), Some(soon));
    assert_eq!(hold.withdraw(trace(2), |_| false), [""; 0]);
    assert_eq!(hold.withdraw(trace(1), |_| false), ["b"]);
    assert_eq!(
        (hold.traces(), hold.bytes(), hold.next_deadline()),
        (0, 0, None)
    );
    hold.decided(trace(1), true);
    assert_eq!(
        (hold.decision(trace(1)), hold.decision(trace(2))),
        (Some(true), None)
    );
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

/// Scenario: a request of 1 MiB of resource and a record of each of a hundred traces, before and behind a severe one.
/// Guarantees: the parts of traces take no more than is allowed, and the records of the others pass together, in the order in which
/// they stood; each record is in one part, with its resource, and all of them take little more.
#[test]
fn a_resource_is_not_repeated_without_end() {
    const RESOURCE: usize = 1 << 20;
    const MOST: usize = 4 * RESOURCE;
    let rule = LogRule {
        keep_severity: 17,
        untraced: None,
    };
    let record = |n: u8| {
        let severity = if n == 50 { 17 } else { 9 };
        // Backwards: the parts of traces are in the order of their ids.
        format!(
            r#"{{"traceId":"{}","severityNumber":{severity},"body":{{"stringValue":"{n}"}}}}"#,
            trace(200 - n)
        )
    };
    let records: Vec<_> = (0..=100).map(record).collect();
    let request = wire(&format!(
        r#"{{"resourceLogs":[{{"schemaUrl":"{}","scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#,
        "u".repeat(RESOURCE),
        records.join(",")
    ));
    let parts = rule.cut_within(&request, MOST);
    let of_traces = |part: &&LogPart<'_>| matches!(part.fate, LogFate::OfTrace(_));
    let of_traces = parts.iter().filter(of_traces);
    let sizes: Vec<_> = of_traces.map(|part| part.body.len()).collect();
    assert_eq!(sizes.len(), 3);
    assert!(sizes.iter().sum::<usize>() <= MOST);
    let all: usize = parts.iter().map(|part| part.body.len()).sum();
    assert!(all <= MOST + 2 * request.len(), "{all}");
    let overflow = parts.last().unwrap();
    assert_eq!((overflow.fate, overflow.items), (LogFate::Overflow, 97));
    let in_order = (0..=97).filter(|n| *n != 50).map(|n| n.to_string());
    assert_eq!(bodies(&overflow.body), in_order.collect::<Vec<_>>());
    for part in &parts {
        assert_eq!(count_items(Signal::Logs, &part.body), Ok(part.items));
        let resource = RequestView(&part.body).resources().next().unwrap();
        assert_eq!(resource.schema_url().len(), RESOURCE);
    }
    assert_eq!(parts.iter().map(|part| part.items).sum::<u64>(), 101);
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

/// A record of a request: resource, trace (0: none) and severity.
type Written = (u8, u8, i32);

/// The request of these records; each says its number.
fn request_of(records: &[Written]) -> Vec<u8> {
    let write = |(number, (resource, of, severity)): (usize, &Written)| {
        let trace_id = match of {
            0 => String::new(),
            of => format!(r#""traceId":"{}","#, trace(*of)),
        };
        format!(
            r#"{{"resource":{{"attributes":[{{"key":"r","value":{{"intValue":"{resource}"}}}}]}},"scopeLogs":[{{"logRecords":[
                {{{trace_id}"severityNumber":{severity},"body":{{"stringValue":"{number}"}}}}]}}]}}"#
        )
    };
    let resources: Vec<_> = records.iter().enumerate().map(write).collect();
    wire(&format!(r#"{{"resourceLogs":[{}]}}"#, resources.join(",")))
}

proptest! {
    /// Scenario: any request of few traces and resources; what is of traces is joined again in any order of them, and cut by a
    /// member that waits for all.
    /// Guarantees: each record is in the part of its fate, in order, once; the member finds of each trace the records that were cut
    /// for it, with their resources.
    #[test]
    fn what_is_cut_can_be_joined_and_cut_again(
        records in prop::collection::vec((0_u8..3, 0_u8..4, prop::sample::select(vec![0, 9, 17])), 0..12),
        is_reversed in any::<bool>(),
    ) {
        let rule = LogRule { keep_severity: 17, untraced: Some(Threshold::ALWAYS) };
        let request = request_of(&records);
        let mut parts = rule.cut(&request);
        for part in &parts {
            let fits = |(_, (_, of, severity)): &(usize, &Written)| match part.fate {
                LogFate::Severe => *severity == 17,
                LogFate::Untraced => *severity < 17 && *of == 0,
                LogFate::UntracedLeftOut | LogFate::Overflow => false,
                LogFate::OfTrace(id) => *severity < 17 && *of != 0 && trace(*of) == id,
            };
            let wanted = records.iter().enumerate().filter(fits).map(|(number, _)| number.to_string());
            prop_assert_eq!(bodies(&part.body), wanted.collect::<Vec<_>>());
        }
        let all: u64 = parts.iter().map(|part| part.items).sum();
        prop_assert_eq!(all, records.len() as u64);

        parts.retain(|part| matches!(part.fate, LogFate::OfTrace(_)));
        if is_reversed {
            parts.reverse();
        }
        let joined: Vec<u8> = parts.iter().flat_map(|part| part.body.to_vec()).collect();
        let waits = LogRule { keep_severity: 0, untraced: None };
        let mut again = waits.cut(&joined);
        parts.sort_by_key(|part| part.fate);
        again.sort_by_key(|part| part.fate);
        prop_assert_eq!(again.len(), parts.len());
        for (before, after) in parts.iter().zip(&again) {
            prop_assert_eq!((before.fate, before.items), (after.fate, after.items));
            let outers = |part: &LogPart<'_>| part_records(&part.body);
            prop_assert_eq!(outers(before), outers(after));
        }
    }
}

/// Each record with the fields of its resource and of its scope.
fn part_records(request: &[u8]) -> Vec<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let outers = Outer::all(request);
    let scopes = outers.iter();
    let records = scopes.flat_map(|(outer, scope)| scope.items().map(move |item| outer.part(item)));
    let bytes = |part: tailweir_otlp::Part<'_>| {
        (
            part.resource.0.to_vec(),
            part.scope.0.to_vec(),
            part.item.to_vec(),
        )
    };
    records.map(bytes).collect()
}
