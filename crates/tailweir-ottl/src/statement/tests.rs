//! Statements compile, and change what they name.

use super::*;
use crate::{PathError, PathExpression, json};
use proptest::prelude::*;

const EDITORS: &[Signature] = &[Signature {
    name: "say",
    parameters: &[
        Parameter::literal_text("what"),
        Parameter::anything("value").or_nothing(),
    ],
}];

/// Knows one path, `a`, and one editor of its own.
struct Names;

impl Context for Names {
    type Path = ();

    fn resolve(&self, path: &PathExpression<'_>) -> Result<(), PathError> {
        match path.segments[..] {
            ["a"] => Ok(()),
            _ => Err(PathError::unknown(0, ["a"])),
        }
    }

    fn symbol(&self, _: &str) -> Option<i64> {
        None
    }

    fn symbols(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn converter(&self, _: &str) -> Option<()> {
        None
    }

    fn converters(&self) -> &[&'static str] {
        &[]
    }
}

impl StatementContext for Names {
    type Editor = Option<String>;

    fn editors(&self) -> &'static [Signature] {
        EDITORS
    }

    fn editor(
        &self,
        _: &str,
        literals: &[Option<&Value<'static>>],
    ) -> Result<Self::Editor, (usize, String)> {
        match literals[0] {
            Some(Value::String(text)) if text.is_empty() => Err((0, "say something".to_owned())),
            Some(value) => Ok(Some(value.to_text())),
            None => Ok(None),
        }
    }
}

/// Holds a map under `a`.
struct Bag(Value<'static>);

impl Bag {
    fn of(json: &str) -> Self {
        Self(json::parse(&json.as_bytes().into()).expect("JSON"))
    }
}

impl Subject<()> for Bag {
    fn value<'a>(&'a self, (): &'a (), keys: &[Key<'a>]) -> Result<Value<'a>, EvaluationError> {
        let mut value = self.0.borrowed();
        for key in keys {
            value = match value {
                Value::Map(map) => map.get(key.name()?).cloned().unwrap_or(Value::Nil),
                Value::List(list) => list.items()[key.index(list.items().len())?].clone(),
                other => return Err(EvaluationError::type_of("map", &other)),
            };
        }
        Ok(value)
    }
}

impl Target<(), Option<String>> for Bag {
    type Change = Value<'static>;

    fn change(
        &self,
        (): &(),
        keys: &[Key<'_>],
        value: Value<'_>,
    ) -> Result<Option<Value<'static>>, EvaluationError> {
        let [key] = keys else {
            return Ok(Some(value.into_owned()));
        };
        let Value::Map(map) = self.0.clone() else {
            return Err(EvaluationError::type_of("map", &self.0));
        };
        let name = key.name()?.to_vec();
        let mut entries = map.into_entries();
        entries.retain(|entry| entry.0.as_ref() != name);
        entries.push((name.into(), value.into_owned()));
        Ok(Some(Value::map(entries)))
    }

    fn apply(&mut self, change: Value<'static>) -> Result<(), EvaluationError> {
        self.0 = change;
        Ok(())
    }

    fn run(
        &mut self,
        editor: &Option<String>,
        arguments: Vec<Value<'static>>,
    ) -> Result<(), EvaluationError> {
        let said = editor.clone().unwrap_or_default();
        self.0 = Value::text(format!("{said} {}", arguments[1].to_text()));
        Ok(())
    }
}

fn compile(text: &str) -> Result<Statement<(), Option<String>>, CompileError> {
    Statement::compile(text, &Names, &Options::default())
}

/// What a statement makes of a value, both as JSON.
fn after(text: &str, before: &str) -> Result<String, EvaluationError> {
    let mut bag = Bag::of(before);
    compile(text).expect(text).execute(&mut bag)?;
    Ok(json::as_text(&bag.0))
}

/// Each statement, what it finds, and what it leaves.
fn check_all(cases: &[(&str, &str, &str)]) {
    for (text, before, expected) in cases {
        assert_eq!(after(text, before).as_deref(), Ok(*expected), "{text}");
    }
}

#[test]
fn a_statement_acts_only_where_its_condition_holds() {
    check_all(&[
        (r#"set(a["x"], 1)"#, r#"{}"#, r#"{"x":1}"#),
        (
            r#"set(a["x"], 1) where a["y"] == 2"#,
            r#"{"y":2}"#,
            r#"{"x":1,"y":2}"#,
        ),
        (
            r#"set(a["x"], 1) where a["y"] == 2"#,
            r#"{"y":3}"#,
            r#"{"y":3}"#,
        ),
        (
            r#"set(a["x"], a["y"]) where not (a["y"] == nil or a["z"] != nil)"#,
            r#"{"y":3}"#,
            r#"{"x":3,"y":3}"#,
        ),
        (
            r#"set(target = a["x"], value = "z")"#,
            r#"{}"#,
            r#"{"x":"z"}"#,
        ),
    ]);
}

#[test]
fn editors_of_maps() {
    check_all(&[
        (r#"delete_key(a, "x")"#, r#"{"x":1,"y":2}"#, r#"{"y":2}"#),
        (r#"delete_key(a, "z")"#, r#"{"x":1}"#, r#"{"x":1}"#),
        (
            r#"delete_matching_keys(a, "(?i)^PASS")"#,
            r#"{"Password":1,"y":2}"#,
            r#"{"y":2}"#,
        ),
        (
            r#"keep_matching_keys(a, a["y"])"#,
            r#"{"x":1,"y":"^x$"}"#,
            r#"{"x":1}"#,
        ),
        (
            r#"keep_keys(a, ["x", "z"])"#,
            r#"{"x":1,"y":2}"#,
            r#"{"x":1}"#,
        ),
        (r#"keep_keys(a, [])"#, r#"{"x":1,"y":2}"#, r#"{}"#),
        (
            r#"limit(a, 2, ["z"])"#,
            r#"{"x":1,"y":2,"z":3}"#,
            r#"{"x":1,"z":3}"#,
        ),
        (r#"limit(a, 0, [])"#, r#"{"x":1}"#, r#"{}"#),
        (
            r#"merge_maps(a, {"x": "new", "z": "new"}, "insert")"#,
            r#"{"x":"old"}"#,
            r#"{"x":"old","z":"new"}"#,
        ),
        (
            r#"merge_maps(a, {"x": "new", "z": "new"}, "update")"#,
            r#"{"x":"old"}"#,
            r#"{"x":"new"}"#,
        ),
        (
            r#"merge_maps(a, ParseJSON("{\"x\":\"new\",\"z\":[1]}"), "upsert")"#,
            r#"{"x":"old"}"#,
            r#"{"x":"new","z":[1]}"#,
        ),
        (
            r#"flatten(a, "p", depth=1, resolveConflicts=false)"#,
            r#"{"x":{"y":{"z":1}}}"#,
            r#"{"p.x.y":{"z":1}}"#,
        ),
        (
            "flatten(a)",
            r#"{"x":{"y":["u","v"]}}"#,
            r#"{"x.y.0":"u","x.y.1":"v"}"#,
        ),
        (
            "stringify_all(a)",
            r#"{"x":[1,2],"y":true,"z":"t"}"#,
            r#"{"x":"[1,2]","y":"true","z":"t"}"#,
        ),
    ]);
}

#[test]
fn texts_are_cut_between_characters() {
    check_all(&[
        (
            "truncate_all(a, 3)",
            r#"{"x":"abcd","y":1,"z":"abé"}"#,
            r#"{"x":"abc","y":1,"z":"ab"}"#,
        ),
        (
            r#"truncate_all(a, 4, truncation_marker="..")"#,
            r#"{"x":"abcdef","y":"abcd"}"#,
            r#"{"x":"ab..","y":"abcd"}"#,
        ),
        ("truncate_all(a, 0)", r#"{"x":"abcd"}"#, r#"{"x":""}"#),
    ]);
}

#[test]
fn texts_are_replaced() {
    check_all(&[
        (
            r#"replace_match(a["x"], "/user/*/list", "/user/{}/list")"#,
            r#"{"x":"/user/12/list"}"#,
            r#"{"x":"/user/{}/list"}"#,
        ),
        (
            r#"replace_match(a["x"], "/user/*", "u")"#,
            r#"{"x":1}"#,
            r#"{"x":1}"#,
        ),
        (
            r#"replace_all_matches(a, "b*", "c")"#,
            r#"{"x":"bad","y":"good"}"#,
            r#"{"x":"c","y":"good"}"#,
        ),
        (
            r#"replace_pattern(a["x"], "(\\d)(\\d)", "$2-$$1")"#,
            r#"{"x":"a12b34"}"#,
            r#"{"x":"a2-$1b4-$1"}"#,
        ),
        (
            r#"replace_pattern(a["x"], "id=(\\d+)", "$1", Trim, replacement_format="<%s>")"#,
            r#"{"x":"id=1 id=2"}"#,
            r#"{"x":"<1> <2>"}"#,
        ),
        (
            r#"replace_all_patterns(a, "value", "\\s+", "_")"#,
            r#"{"x y":"a  b","z":1}"#,
            r#"{"x y":"a_b","z":1}"#,
        ),
        (
            r#"replace_all_patterns(a, "key", "\\s+", "_")"#,
            r#"{"x y":"a  b"}"#,
            r#"{"x_y":"a  b"}"#,
        ),
    ]);
}

#[test]
fn editors_of_lists() {
    check_all(&[
        (r#"append(a["x"], 2)"#, r#"{"x":[1]}"#, r#"{"x":[1,2]}"#),
        (
            r#"append(a["x"], values=["b", "c"])"#,
            r#"{"x":"a"}"#,
            r#"{"x":["a","b","c"]}"#,
        ),
        (r#"append(a["x"], "a")"#, r#"{}"#, r#"{"x":["a"]}"#),
        (
            r#"delete_index(a["x"], 1)"#,
            r#"{"x":[1,2,3]}"#,
            r#"{"x":[1,3]}"#,
        ),
        (
            r#"delete_index(a["x"], 0, 2)"#,
            r#"{"x":[1,2,3]}"#,
            r#"{"x":[3]}"#,
        ),
        (r#"clear(a["x"])"#, r#"{"x":[1,2,3]}"#, r#"{"x":[]}"#),
        (r#"clear(a)"#, r#"{"x":[1,2,3]}"#, r#"{}"#),
    ]);
}

#[test]
fn an_editor_of_the_context_gets_its_arguments() {
    let said = |text| after(text, r#"{"x":7}"#).expect(text);
    assert_eq!(said(r#"say("hello", a["x"])"#), "hello 7");
    assert_eq!(said(r#"say("hello", value = "you")"#), "hello you");
    assert_eq!(said(r#"say("hello")"#), "hello ");
    let refused = compile(r#"say("")"#).unwrap_err();
    assert_eq!(
        (refused.message(), refused.offset()),
        ("`say`: say something", 4)
    );
}

/// A statement that fails changes nothing.
#[test]
fn what_cannot_be_done_leaves_the_target_alone() {
    for text in [
        r#"delete_key(a["x"], "y")"#,
        r#"delete_index(a["x"], 0)"#,
        r#"delete_index(a["list"], 2)"#,
        r#"delete_index(a["list"], 1, 0)"#,
        r#"set(a["y"], Int(a["list"][9]))"#,
        r#"set(a["y"], 1) where a["x"]"#,
        r#"set(a["y"], 1) where a["list"]["x"] == 1"#,
        r#"keep_matching_keys(a, a["broken"])"#,
        r#"merge_maps(a, a["x"], "insert")"#,
        r#"replace_pattern(a["broken"], "\\(", "x", Trim, "%d")"#,
    ] {
        let mut bag = Bag::of(r#"{"broken":"(","list":[1,2],"x":1}"#);
        let before = json::as_text(&bag.0);
        let outcome = compile(text).map(|statement| statement.execute(&mut bag));
        assert!(!matches!(outcome, Ok(Ok(()))), "{text} does something");
        assert_eq!(json::as_text(&bag.0), before, "{text}");
    }
}

#[test]
fn a_wrong_statement_is_refused_with_its_place() {
    let cases = [
        ("", 0),
        ("set", 0),
        ("Set(a, 1)", 0),
        ("sett(a, 1)", 0),
        (r#"set(a, 1) a == 1"#, 10),
        (r#"set(a, 1) where"#, 15),
        (r#"set(a, 1) where b == 1"#, 16),
        (r#"set(a, 1)["x"]"#, 10),
        (r#"set(1, a)"#, 4),
        (r#"set(b, 1)"#, 4),
        (r#"set(a)"#, 0),
        (r#"set(a, value=1, value=2)"#, 0),
        (r#"set(value=1, a)"#, 13),
        (r#"limit(a, -1, [])"#, 9),
        (r#"limit(a, 1, ["x", "y"])"#, 9),
        (r#"merge_maps(a, {}, "replace")"#, 18),
        (r#"replace_all_patterns(a, "keys", "x", "y")"#, 24),
        (r#"replace_pattern(a, "(", "y")"#, 19),
        (r#"delete_matching_keys(a, "(")"#, 24),
        (r#"append(a)"#, 7),
        (r#"flatten(a, depth=0)"#, 17),
        (r#"truncate_all(a, -1)"#, 16),
        (r#"Concat([a], "")"#, 0),
    ];
    for (text, offset) in cases {
        let refused = compile(text).expect_err(text);
        assert_eq!(refused.offset(), offset, "{text}: {}", refused.message());
    }
    assert_eq!(compile("sett(a, 1)").unwrap_err().suggestion(), Some("set"));
    assert_eq!(compile("sai(a, 1)").unwrap_err().suggestion(), Some("say"));
}

/// Pieces that statements are made of, and some that they are not.
const PIECES: &[&str] = &[
    "set(",
    "limit(",
    "flatten(",
    "append(",
    "clear(",
    "say(",
    "delete_index(",
    "truncate_all(",
    "replace_pattern(",
    "replace_all_patterns(",
    "replace_match(",
    "merge_maps(",
    "keep_keys(",
    "delete_matching_keys(",
    "a",
    "a[\"x\"]",
    "a[\"list\"]",
    "a[\"list\"][0]",
    "a[\"map\"]",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    "=",
    ":",
    " where ",
    "not ",
    " == ",
    " and ",
    "nil",
    "true",
    "1",
    "-1",
    "0",
    "9223372036854775807",
    "-9223372036854775808",
    "0.5",
    "\"\"",
    "\"x\"",
    "\"(\"",
    "\"value\"",
    "\"key\"",
    "\"insert\"",
    "\"%s\"",
    "\"$1\"",
    "\"*\"",
    "\"\u{e9}\"",
    "Trim",
    "SHA256",
    "Concat(",
    "depth=",
    "limit=",
    "values=",
    "replacement_format=",
    "\u{0}",
    "0x",
    "\\",
];

/// Scenario: each of ten thousand values, or keys, is replaced by a text of 10,000 bytes that is beside them; each of a hundred.
/// Guarantees: what would be a hundred million bytes fails with the bound; what grows by less than 64 MiB is replaced.
#[test]
fn texts_that_are_replaced_have_a_bound_together() {
    let long = "x".repeat(10_000);
    let map = |count: usize| {
        let entries = (0..count).map(|number| format!(r#","k{number}":"a""#));
        format!(r#"{{"long":"{long}"{}}}"#, entries.collect::<String>())
    };
    for text in [
        r#"replace_all_matches(a, "a", a["long"])"#,
        r#"replace_all_patterns(a, "value", "^a$", a["long"])"#,
        r#"replace_all_patterns(a, "key", "^k", a["long"])"#,
    ] {
        let error = after(text, &map(10_000)).expect_err(text).to_string();
        assert!(error.contains("67108864 bytes"), "{error}");
        let replaced = after(text, &map(100)).expect(text);
        assert_eq!(replaced.matches(&long).count(), 101, "{text}");
    }
}

/// Scenario: a lambda makes a hundred keys of a thousand, more than are looked for one by one.
/// Guarantees: each is there once, with the value of the last that became it.
#[test]
fn keys_that_a_lambda_makes_equal_are_one() {
    let text = "set(a, MapKeys(a, (key, value) => Substring(key, 0, 2)))";
    let options = Options {
        lambdas: true,
        ..Options::default()
    };
    let statement = Statement::compile(text, &Names, &options).expect(text);
    let map = |entries: Vec<String>| format!("{{{}}}", entries.join(","));
    let before = (0..1000).map(|number| format!(r#""{number:03}":{number}"#));
    let mut bag = Bag::of(&map(before.collect()));
    statement.execute(&mut bag).expect(text);
    let expected = (0..100).map(|number| format!(r#""{number:02}":{}"#, 10 * number + 9));
    assert_eq!(json::as_text(&bag.0), map(expected.collect()));
}

proptest! {
    /// Scenario: pieces of statements in any order, and arguments of any kind for every editor.
    /// Guarantees: nothing panics, and what fails changes nothing.
    #[test]
    fn any_text_is_a_statement_or_refused(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..16),
        editor in prop::sample::select(PIECES),
        arguments in prop::collection::vec(prop::sample::select(PIECES), 0..6),
    ) {
        for text in [pieces.concat(), format!("{editor}{})", arguments.join(", "))] {
            let Ok(statement) = compile(&text) else { continue };
            let mut bag = Bag::of(r#"{"list":[1,"x",[2]],"map":{"x":{"y":1}},"x":"abc","z":null}"#);
            let before = json::as_text(&bag.0);
            if statement.execute(&mut bag).is_err() {
                prop_assert_eq!(json::as_text(&bag.0), before, "{}", text);
            }
        }
    }
}
