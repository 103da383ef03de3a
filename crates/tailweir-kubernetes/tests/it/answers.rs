//! Whatever an API answers.

use crate::workbench::at;
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;
use tailweir_config::KubernetesAttributes;
use tailweir_kubernetes::{
    AnswerError, Event, Kind, Lines, Rules, Table, read_event, read_one, read_page,
};

/// Scenario: events of each type, an error of the API, one that says that the version is gone, and no events.
/// Guarantees: each is read as what it is; what it says itself is told, cut short, and nothing else of it.
#[test]
fn events_are_told_apart() {
    let object = json!({ "metadata": { "uid": "u", "resourceVersion": "9" } });
    let read = |event: &str, object: &serde_json::Value| {
        let line = json!({ "type": event, "object": object }).to_string();
        read_event(Kind::Pod, line.as_bytes())
    };
    assert!(matches!(read("ADDED", &object), Ok(Event::Set(_, version)) if version == "9"));
    assert!(matches!(read("MODIFIED", &object), Ok(Event::Set(_, version)) if version == "9"));
    assert!(matches!(read("DELETED", &object), Ok(Event::Gone(_, version)) if version == "9"));
    assert!(matches!(read("BOOKMARK", &object), Ok(Event::Nothing(version)) if version == "9"));
    assert!(read("REPLACED", &object).is_err());
    let gone = read("ERROR", &json!({ "code": 410, "message": "too old" }));
    assert_eq!(gone.unwrap_err(), AnswerError::Gone);
    let refused = read(
        "ERROR",
        &json!({ "code": 500, "message": "x".repeat(1_000) }),
    )
    .unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("the API says 500: {}", "x".repeat(200))
    );
    let secret = read_event(
        Kind::Pod,
        br#"{"type": "ADDED", "object": {"metadata": "s3cret"}}"#,
    );
    let told = secret.unwrap_err().to_string();
    assert!(
        told.contains("not what was asked for") && !told.contains("s3cret"),
        "{told}"
    );
    let forbidden = AnswerError::of_status(403, br#"{"code": 1, "message": "pods is forbidden"}"#);
    assert_eq!(forbidden.to_string(), "the API says 403: pods is forbidden");
}

/// Scenario: a stream that arrives in pieces of any size, and one without an end of line.
/// Guarantees: lines come out whole and in order; one that is too long is refused instead of gathered.
#[test]
fn lines_are_bounded() {
    let mut lines = Lines::new(4);
    assert_eq!(lines.push(b"abcde"), Err(AnswerError::TooLong { limit: 4 }));
    let mut lines = Lines::new(4);
    lines.push(b"ab").unwrap();
    lines.push(b"cd\n\nef\ng").unwrap();
    assert_eq!(lines.pop().unwrap(), b"abcd");
    assert_eq!(lines.pop().unwrap(), b"ef");
    assert_eq!(lines.pop(), None);
    assert!(lines.push(b"hijk").is_err());
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        ".{0,12}".prop_map(serde_json::Value::from),
    ];
    let key = prop_oneof![
        Just("metadata"),
        Just("items"),
        Just("spec"),
        Just("status"),
        Just("name"),
        Just("uid"),
        Just("labels"),
        Just("ownerReferences"),
        Just("containers"),
        Just("containerStatuses"),
        Just("podIP"),
        Just("startTime"),
        Just("image"),
        Just("imageID"),
        Just("object"),
        Just("type"),
        Just("creationTimestamp"),
        Just("kind"),
    ];
    leaf.prop_recursive(6, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|pairs| {
                pairs
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect()
            }),
        ]
    })
}

proptest! {
    /// Scenario: any bytes, and any JSON with names that an answer has, as a page and as an event of any kind.
    /// Guarantees: nothing panics; what can be read can be remembered, and never more than `max_objects`.
    #[test]
    fn no_answer_panics(bytes in prop::collection::vec(any::<u8>(), 0..64), json in any_json(), index in 0..9_usize) {
        let kind = Kind::ALL[index];
        let settings = KubernetesAttributes { max_objects: 2, max_object_bytes: 1_024, ..KubernetesAttributes::default() };
        let table = Table::new(Arc::new(Rules::new(&settings, None).unwrap()));
        for answer in [bytes, json.to_string().into_bytes()] {
            if let Ok(page) = read_page(kind, &answer) {
                table.apply(page.objects, at(0));
            }
            if let Ok(Event::Set(object, _) | Event::Gone(object, _)) = read_event(kind, &answer) {
                table.apply(vec![object.clone()], at(1));
                table.remove(&object, at(2));
            }
        }
        prop_assert!(table.figures().of(kind).held.load(std::sync::atomic::Ordering::Relaxed) <= 2);
        table.expire(at(1_000));
    }
}

/// Scenario: a node is asked for by its name, and by what is no name; the API answers with one, and with something else.
/// Guarantees: no name leads to another path, and an object without name or UID is none.
#[test]
fn one_object_is_asked_for_by_its_name() {
    let path = Kind::Node.one("ip-10-0-0-1.eu.internal");
    assert_eq!(
        path.as_deref(),
        Some("/api/v1/nodes/ip-10-0-0-1.eu.internal")
    );
    let long = "a".repeat(254);
    for name in ["", ".", "..", "a/b", "a?b", "A", "a b", "-a", "a.", &long] {
        assert_eq!(Kind::Node.one(name), None, "{name}");
    }
    assert_eq!(Kind::Pod.one("cart"), None);
    let node = read_one(br#"{"metadata": {"name": "n", "uid": "u", "labels": {"a": "b"}}}"#);
    let node = node.unwrap();
    assert_eq!((node.name.as_str(), node.uid.as_str()), ("n", "u"));
    for answer in [
        "",
        "[]",
        "{}",
        r#"{"metadata": {"name": "n"}}"#,
        r#"{"metadata": {"uid": 7}}"#,
    ] {
        let read = read_one(answer.as_bytes());
        assert!(
            matches!(read, Err(AnswerError::Unreadable(_))),
            "{answer}: {read:?}"
        );
    }
}
