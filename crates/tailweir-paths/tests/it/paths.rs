//! Paths: what they read, and what is said about wrong ones.

use crate::subjects::Request;
use tailweir_core::Signal;
use tailweir_otlp::{ResourceFields, ScopeFields, SpanView};
use tailweir_ottl::Options;
use tailweir_paths::{Condition, Scene, SpanSubject};

fn refused(scene: Scene, text: &str) -> String {
    let error =
        Condition::compile(text, &scene, &Options::default()).expect_err("a wrong condition");
    error.with_caret()
}

/// Scenario: conditions with a slip in a path, a symbol and a converter.
/// Guarantees: the caret stands under the slip, and the right name is suggested.
#[test]
fn a_slip_is_pointed_at() {
    assert_eq!(
        refused(
            Scene::Span,
            r#"span.kind == 2 and span.atributes["x"] == 1"#
        ),
        "span.kind == 2 and span.atributes[\"x\"] == 1\n                        ^ unknown path `span.atributes`; \
         valid in place of `atributes`: trace_id, span_id, parent_span_id, trace_state, name, kind, start_time, \
         start_time_unix_nano, end_time, end_time_unix_nano, attributes, dropped_attributes_count, events, \
         dropped_events_count, links, dropped_links_count, status, flags, cache; did you mean `attributes`?"
    );
    let symbol = refused(Scene::Log, "severity_number >= SEVERITY_NUMBER_WARNING");
    assert!(symbol.ends_with(
        "^ unknown symbol `SEVERITY_NUMBER_WARNING`; did you mean `SEVERITY_NUMBER_WARN`?"
    ));
    let converter = refused(Scene::Span, "IsRotSpan()");
    assert!(converter.ends_with("^ unknown converter `IsRotSpan`; did you mean `IsRootSpan`?"));
}

/// Scenario: a context of another kind of telemetry, a context alone, and keys where none can be.
/// Guarantees: each is refused with what would be valid.
#[test]
fn paths_of_elsewhere_are_refused() {
    let foreign = refused(Scene::Log, r#"span.name == "x""#);
    assert!(
        foreign.contains("unknown path `span.name`; valid in place of `span`: attributes, body"),
        "{foreign}"
    );
    assert!(refused(Scene::Span, "otelcol.client == nil").contains("incomplete path"));
    assert!(
        refused(Scene::Span, r#"name["x"] == 1"#)
            .contains("`name` cannot be indexed in the path `name`")
    );
    assert!(refused(Scene::Span, r#"trace_state["a"]["b"] == 1"#).contains("takes one key only"));
    assert!(
        refused(Scene::Span, r#"attributes["a"].b == 1"#)
            .contains("only the last name of a path can be indexed")
    );
}

/// Scenario: a condition calls what depends on more than its subject.
/// Guarantees: it is refused with the reason.
#[test]
fn what_does_not_follow_from_the_telemetry_is_refused() {
    for text in [r#"UUID() != """#, r#"UUIDv7() != """#, "Now() > start_time"] {
        assert!(
            refused(Scene::Span, text).contains("does not follow from the telemetry alone"),
            "{text}"
        );
    }
}

/// Scenario: a span of garbage bytes is asked for everything.
/// Guarantees: what cannot be read is absent, and nothing fails.
#[test]
fn garbage_reads_as_absent() {
    let garbage = SpanSubject {
        resource: ResourceFields(b"\xff\xff\xff"),
        scope: ScopeFields(b"\x0a\x7f"),
        span: SpanView(b"\x4a\xff\x01\x02\x2a"),
    };
    let text = r#"name == "" and attributes == {} and resource.attributes["x"] == nil and scope.name == "" and status.code == 0"#;
    let condition = Condition::compile(text, &Scene::Span, &Options::default()).unwrap();
    assert_eq!(condition.evaluate(&garbage), Ok(true));
}

/// Scenario: text that is not UTF-8 is compared, matched and measured.
/// Guarantees: it is taken as the bytes that it is.
#[test]
fn text_need_not_be_utf_8() {
    let span = SpanSubject {
        resource: ResourceFields(b""),
        scope: ScopeFields(b""),
        span: SpanView(b"\x2a\x03a\xffb"),
    };
    let holds = |text: &str| {
        let condition = Condition::compile(text, &Scene::Span, &Options::default()).unwrap();
        condition.evaluate(&span).unwrap()
    };
    assert!(
        holds("Len(name) == 3")
            && holds(r#"IsMatch(name, "^a.b$")"#)
            && holds(r#"HasPrefix(name, "a")"#)
    );
    assert!(holds(r#"name != "ab""#) && holds(r#"Hex(name) == "61ff62""#));
}

/// Scenario: an event's index, where it is known.
/// Guarantees: it is read; the golden vectors hold the case where it is not.
#[test]
fn an_index_is_read_where_it_is_known() {
    let text = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"s","events":[{"name":"a"},{"name":"b"}]}]}]}]}"#;
    let request = Request::new(Signal::Traces, text);
    let crate::subjects::Any::SpanEvent(mut event) = request.item().subject(Scene::SpanEvent, 1)
    else {
        panic!("an event was asked for");
    };
    event.index = Some(1);
    let condition = Condition::compile(
        r#"event_index == 1 and name == "b""#,
        &Scene::SpanEvent,
        &Options::default(),
    );
    assert_eq!(condition.unwrap().evaluate(&event), Ok(true));
}
