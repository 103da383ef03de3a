//! Text and bytes from anywhere: nothing panics, and nothing takes long.

use crate::subjects::Item;
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::LazyLock;
use tailweir_otlp::{ResourceFields, ScopeFields};
use tailweir_ottl::Options;
use tailweir_paths::{Condition, Scene};
use tailweir_testkit::Folder;

const SCENES: [Scene; 6] = [
    Scene::Span,
    Scene::SpanEvent,
    Scene::Resource,
    Scene::Scope,
    Scene::Log,
    Scene::Metric,
];

/// All recorded conditions, for mutation.
static CONDITIONS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let folder = Folder::open("ottl");
    let lines = ["conditions.jsonl", "lambda_conditions.jsonl"]
        .map(|file| folder.json_lines(file))
        .concat();
    let text = |line: &serde_json::Value| line["condition"].as_str().unwrap_or_default().to_owned();
    lines.iter().map(text).collect()
});

/// Pieces that the language is made of.
const PIECES: [&str; 36] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "\\",
    "=>",
    "==",
    "!=",
    "<",
    "-",
    "+",
    "*",
    "/",
    ",",
    ".",
    ":",
    "=",
    " and ",
    " or ",
    " not ",
    "nil",
    "true",
    "0x",
    "0xff",
    "9223372036854775807",
    "1.0e308",
    "_",
    "é",
    "\u{0}",
    "Len(",
    "v",
    "span.attributes[\"l\"]",
    "Sort(",
];

fn condition() -> impl Strategy<Value = String> {
    (0..CONDITIONS.len()).prop_map(|number| CONDITIONS[number].clone())
}

/// Cuts a text at a fraction of its length, on a boundary of characters.
fn cut(text: &str, fraction: f64) -> (&str, &str) {
    let at = (text.len() as f64 * fraction) as usize;
    let boundary = (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    text.split_at(boundary)
}

/// Compiles for a scene with lambdas on, and evaluates against bytes when that works.
fn exercise(text: &str, scene: usize, bytes: &[u8]) {
    let scene = SCENES[scene % SCENES.len()];
    let options = Options {
        lambdas: true,
        ..Options::default()
    };
    match Condition::compile(text, &scene, &options) {
        Ok(condition) => {
            let (resource, rest) = bytes.split_at(bytes.len() / 3);
            let (scope, message) = rest.split_at(rest.len() / 2);
            let item = Item {
                resource: ResourceFields(resource),
                scope: ScopeFields(scope),
                message,
            };
            let _ = condition.evaluate(&item.subject(scene, 0));
        }
        Err(error) => assert!(error.offset() <= text.len() && !error.with_caret().is_empty()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Scenario: any text is compiled as a condition.
    /// Guarantees: a condition or an error with a place inside the text.
    #[test]
    fn any_text_compiles_or_is_refused(text in ".{0,200}", scene in 0..6_usize) {
        exercise(&text, scene, &[]);
    }

    /// Scenario: text made of the language's own pieces is compiled, and evaluated when it compiles.
    /// Guarantees: no panic.
    #[test]
    fn pieces_of_the_language_compile_or_are_refused(pieces in vec(0..PIECES.len(), 0..40), scene in 0..6_usize) {
        let text: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
        exercise(&text, scene, &[]);
    }

    /// Scenario: two recorded conditions are cut and joined with a piece between, and evaluated against
    /// bytes that are no telemetry.
    /// Guarantees: no panic.
    #[test]
    fn mutated_conditions_compile_or_are_refused(
        (first, second) in (condition(), condition()),
        (before, after) in (0.0..1.0_f64, 0.0..1.0_f64),
        piece in 0..PIECES.len(),
        scene in 0..6_usize,
        bytes in vec(any::<u8>(), 0..300),
    ) {
        let spliced = format!("{}{}{}", cut(&first, before).0, PIECES[piece], cut(&second, after).1);
        exercise(&spliced, scene, &bytes);
        let (left, right) = cut(&first, before);
        exercise(&format!("{left}{}", right.chars().skip(1).collect::<String>()), scene, &bytes);
        exercise(&first, scene, &bytes);
    }
}

/// Scenario: every recorded condition is evaluated against spans whose attributes are everything that
/// conditions ask for, with text that is not UTF-8, empty, and very long.
/// Guarantees: no panic.
#[test]
fn recorded_conditions_survive_hostile_attributes() {
    let options = Options {
        lambdas: true,
        ..Options::default()
    };
    let conditions: Vec<_> = CONDITIONS
        .iter()
        .filter_map(|text| Condition::compile(text, &Scene::Span, &options).ok())
        .collect();
    assert!(conditions.len() > 900);
    let keys = [
        "v", "s", "i", "l", "m", "xml", "csv", "kvp", "ua", "url", "ip", "ts", "dur", "luhn",
        "hex", "b64", "grok", "json",
    ];
    let values: [&[u8]; 6] = [
        b"\xff\xfe",
        b"",
        b"<a><a>",
        &[b'%'; 4000],
        &[b'['; 4000],
        b"http://[\xff]:99999999999999999999/",
    ];
    for value in values {
        let mut span = Vec::new();
        for key in keys {
            // Span.attributes { key, value { string_value } }
            let text = [&[0x0a][..], &varint(value.len()), value].concat();
            let pair = [
                &[0x0a, key.len() as u8][..],
                key.as_bytes(),
                &[0x12],
                &varint(text.len()),
                &text,
            ]
            .concat();
            span.extend([&[0x4a][..], &varint(pair.len()), &pair].concat());
        }
        let item = Item {
            resource: ResourceFields(b""),
            scope: ScopeFields(b""),
            message: &span,
        };
        for condition in &conditions {
            let _ = condition.evaluate(&item.subject(Scene::Span, 0));
        }
    }
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
