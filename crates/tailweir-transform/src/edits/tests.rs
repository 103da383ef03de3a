//! Edits change what they name and nothing else.

use super::Edits;
use crate::error::TransformError;
use crate::transform::{Request, Transform};
use bytes::Bytes;
use tailweir_config::{
    Action, AttributeAction, AttributesProcessor, ConvertedType, Literal, MatchProperties,
    MatchType, ResourceProcessor,
};
use tailweir_core::{ClientContext, Signal};

fn action(action: Action, key: &str) -> AttributeAction {
    AttributeAction {
        key: key.to_owned(),
        action,
        ..Default::default()
    }
}

fn put(word: Action, key: &str, value: &str) -> AttributeAction {
    AttributeAction {
        value: Some(Literal::Text(value.to_owned())),
        ..action(word, key)
    }
}

fn with_pattern(word: Action, key: &str, pattern: &str) -> AttributeAction {
    AttributeAction {
        pattern: pattern.to_owned(),
        ..action(word, key)
    }
}

fn attributes(actions: Vec<AttributeAction>) -> AttributesProcessor {
    AttributesProcessor {
        actions,
        ..Default::default()
    }
}

/// Two spans, the first with the attribute `a` = "x".
const REQUEST: &[u8] =
    b"\x0a\x12\x12\x10\x12\x0a\x4a\x08\x0a\x01a\x12\x03\x0a\x01x\x12\x02\x2a\x00";

/// Scenario: edits that find nothing to change are applied.
/// Guarantees: the same buffer comes back, not a copy.
#[test]
fn an_unchanged_request_is_the_same_buffer() {
    let actions = vec![
        put(Action::Insert, "a", "y"),
        put(Action::Update, "b", "y"),
        action(Action::Delete, "b"),
        AttributeAction {
            converted_type: ConvertedType::String,
            ..action(Action::Convert, "a")
        },
    ];
    let edits = Edits::attributes(&attributes(actions)).unwrap();
    // Only the span that has `a` is left to look at.
    let request = Bytes::from_static(b"\x0a\x0e\x12\x0c\x12\x0a\x4a\x08\x0a\x01a\x12\x03\x0a\x01x");
    let before = request.as_ptr();
    let after = edits.apply(Request {
        signal: Signal::Traces,
        body: request,
        client: &ClientContext::default(),
    });
    assert_eq!(after.unwrap().body.as_ptr(), before);
}

/// Scenario: both spans are given a value, under a limit that leaves room for both, and for one.
/// Guarantees: the first is edited, the second refused, naming the length and the limit.
#[test]
fn a_request_grows_up_to_the_limit() {
    let edits = Edits::attributes(&attributes(vec![put(Action::Upsert, "key", "value")])).unwrap();
    let apply = |limit| {
        let client = ClientContext::default();
        edits.apply_within(Signal::Traces, Bytes::from_static(REQUEST), &client, limit)
    };
    // `0a 03 key 12 07 0a 05 value`, twice.
    assert!(apply(28).unwrap().len() > REQUEST.len() + 28);
    assert_eq!(
        apply(27),
        Err(TransformError::Growth {
            length: REQUEST.len(),
            limit: 27
        })
    );
}

/// Scenario: actions that lack something, or hold a wrong pattern, are compiled together.
/// Guarantees: every mistake is reported, with the setting that is at fault.
#[test]
fn all_mistakes_are_reported() {
    let block = MatchProperties {
        match_type: MatchType::Regexp,
        span_names: vec!["fine".to_owned(), "(".to_owned()],
        ..Default::default()
    };
    let processor = AttributesProcessor {
        include: Some(block),
        exclude: Some(MatchProperties::default()),
        actions: vec![
            action(Action::Unset, "a"),
            action(Action::Insert, "a"),
            put(Action::Upsert, "", "y"),
            AttributeAction {
                from_attribute: "b".to_owned(),
                ..put(Action::Update, "a", "y")
            },
            action(Action::Delete, ""),
            with_pattern(Action::Hash, "", "["),
            with_pattern(Action::Extract, "a", "(?P<x>.)(.)"),
            with_pattern(Action::Extract, "a", "."),
            action(Action::Convert, "a"),
        ],
    };
    let errors = Edits::attributes(&processor).unwrap_err();
    let paths: Vec<_> = errors.0.iter().map(|error| error.path.as_str()).collect();
    let expected = [
        "actions[0]",
        "actions[1]",
        "actions[2]",
        "actions[3]",
        "actions[4]",
        "actions[5].pattern",
        "actions[6].pattern",
        "actions[7].pattern",
        "actions[8]",
        "include.span_names[1]",
        "exclude.match_type",
    ];
    assert_eq!(paths, expected);
    assert_eq!(errors.to_string().matches("; ").count(), expected.len() - 1);
    let empty = Edits::resource(&ResourceProcessor::default()).unwrap_err();
    assert_eq!(empty.0[0].path, "attributes");
}

/// Scenario: blocks about spans, about logs and about both meet each signal.
/// Guarantees: what does not apply is named; metrics take all, as the Collector does.
#[test]
fn a_block_must_fit_the_signal() {
    let strict = MatchProperties {
        match_type: MatchType::Strict,
        ..Default::default()
    };
    let names = MatchProperties {
        span_names: vec!["x".to_owned()],
        ..strict.clone()
    };
    let bodies = MatchProperties {
        log_bodies: vec!["x".to_owned()],
        ..strict.clone()
    };
    let kinds = MatchProperties {
        span_kinds: vec!["x".to_owned()],
        ..strict.clone()
    };
    let check = |block: &MatchProperties, signal| {
        let processor = AttributesProcessor {
            exclude: Some(block.clone()),
            ..attributes(vec![put(Action::Insert, "a", "y")])
        };
        let checked = Edits::attributes(&processor).unwrap().check(signal);
        checked.map_err(|error| error.path)
    };
    let wrong = |path: &str| Err(path.to_owned());
    assert_eq!(check(&names, Signal::Traces), Ok(()));
    assert_eq!(check(&names, Signal::Logs), wrong("exclude.span_names"));
    assert_eq!(check(&bodies, Signal::Traces), wrong("exclude.log_bodies"));
    assert_eq!(check(&bodies, Signal::Logs), Ok(()));
    for signal in [Signal::Traces, Signal::Logs] {
        assert_eq!(check(&kinds, signal), Ok(()));
        assert_eq!(check(&strict, signal), wrong("exclude"));
    }
    assert_eq!(check(&names, Signal::Metrics), Ok(()));
}
