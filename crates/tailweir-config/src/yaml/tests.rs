//! What YAML texts become, and how they are refused.

use super::parse;
use serde_json::json;
use std::sync::Arc;

fn read(text: &str) -> Result<serde_json::Value, String> {
    let source: Arc<str> = Arc::from("test.yaml");
    match parse(&source, text).node {
        Ok(node) => Ok(node.to_json()),
        Err(error) => Err(format!("{}: {}", error.place.location, error.problem)),
    }
}

/// Scenario: plain scalars on which YAML 1.1, YAML 1.2 and Go differ.
/// Guarantees: each is what the Collector reads.
#[test]
fn plain_scalars_are_those_of_go() {
    for (text, value) in [
        ("yes", json!("yes")),
        ("off", json!("off")),
        ("True", json!(true)),
        ("0123", json!(83)),
        ("0o17", json!(15)),
        ("0x10", json!(16)),
        ("0b101", json!(5)),
        ("089", json!(89.0)),
        ("100_000", json!(100_000)),
        ("1e3", json!(1000.0)),
        (".5", json!(0.5)),
        ("5.", json!(5.0)),
        ("+5", json!(5)),
        ("-0x1", json!(-1)),
        ("18446744073709551615", json!(u64::MAX)),
        ("1:30", json!("1:30")),
        ("~", json!(null)),
        ("'5'", json!("5")),
        ("!!str 5", json!("5")),
        ("10%", json!("10%")),
    ] {
        assert_eq!(read(text), Ok(value), "{text}");
    }
}

/// Scenario: anchors, aliases and merge keys, with a key that both bring.
/// Guarantees: what is written wins over what is merged, wherever it stands.
#[test]
fn what_is_written_wins_over_what_is_merged() {
    let text = "a: &a {x: 1, y: 2}\nb: {y: 3, <<: *a}\nc: {<<: [{y: 4}, *a]}";
    let b = json!({"x": 1, "y": 3});
    assert_eq!(
        read(text),
        Ok(json!({"a": {"x": 1, "y": 2}, "b": b, "c": {"x": 1, "y": 4}}))
    );
}

/// Scenario: a key is written twice; a text breaks off; a text refers to itself; one holds a bomb
/// of aliases.
/// Guarantees: each is refused with its place, and quickly.
#[test]
fn texts_that_are_no_configuration_are_refused_with_their_place() {
    let error = read("a: 1\nb: {c: 1, c: 2}").unwrap_err();
    assert_eq!(
        error,
        "test.yaml:2:11: the key `c` was already written in line 2"
    );
    assert!(
        read("receivers: [otlp")
            .unwrap_err()
            .starts_with("test.yaml:1:")
    );
    assert!(read("a:\n\tb: 1").is_err());
    assert!(read("a: &a [*a]").is_err());
    let mut bomb = "a0: &a0 [1,1,1,1,1,1,1,1]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", vec![before; 8].join(","));
    }
    assert!(read(&bomb).unwrap_err().contains("more than 250000 values"));
}

/// Scenario: a file with tokens, headers and a URL with a password.
/// Guarantees: the text that diagnostics quote from holds none of them, and no column moves.
#[test]
fn secrets_are_blotted_out_of_quoted_lines() {
    let text = "token: hush\nheaders: {a: 'b c'}\nendpoint: http://me:pw@host/x\nkey: kept";
    let blotted = parse(&Arc::from("t"), text).blotted;
    assert_eq!(
        blotted,
        "token: ****\nheaders: {a: ** **}\nendpoint: http://*****@host/x\nkey: kept"
    );
    let broken = parse(&Arc::from("t"), "token: \"hush\na: b").blotted;
    assert!(!broken.contains("hush"));
}
