//! Substitution at its edges; its middle is in the golden vectors.

use crate::workbench::{Memory, lines};
use tailweir_config::{Cause, LoadOptions, Loaded, Sources, load};

fn substitute(value: &str, memory: &mut Memory) -> Loaded {
    let text = format!("a: {value}");
    memory.files.insert("c.yaml", text);
    load(
        &Sources::new().config("c.yaml"),
        LoadOptions::default(),
        memory,
    )
}

fn problem(value: &str, memory: &mut Memory) -> String {
    let loaded = substitute(value, memory);
    let found = loaded
        .diagnostics
        .iter()
        .find(|item| item.cause == Cause::Substitution);
    found.map(ToString::to_string).unwrap_or_default()
}

/// Scenario: a variable that is not set, without and with a default, and one that is set but empty.
/// Guarantees: only the first is warned of; only what is not set takes the default.
#[test]
fn an_unset_variable_without_a_default_is_warned_of() {
    let mut memory = Memory::default();
    memory.variables.insert("EMPTY", String::new());
    let loaded = substitute(
        "'<${env:UNSET}|${env:UNSET:-d}|${env:EMPTY:-d}>'",
        &mut memory,
    );
    assert_eq!(loaded.resolved["a"], "<|d|>");
    let unset: Vec<_> = loaded
        .diagnostics
        .iter()
        .filter(|item| item.cause == Cause::Unset)
        .collect();
    assert_eq!(unset.len(), 1);
    assert!(unset[0].message.contains("`UNSET`"));
}

/// Scenario: substitutions that cannot be made.
/// Guarantees: each is refused at its place, with the cause and without any value.
#[test]
fn impossible_substitutions_are_refused() {
    let mut memory = Memory::default();
    memory.variables.insert("LOOP", "x${env:LOOP}".to_owned());
    memory
        .variables
        .insert("BOMB", "${env:BOMB}${env:BOMB}".to_owned());
    memory.files.insert("list.yaml", "[1, 2]".to_owned());
    for (value, part) in [
        (
            "${env:1X}",
            "c.yaml:1:4: error: a: `1X` is not a name of a variable",
        ),
        ("${X:-d}", "write `${env:X:-...}`"),
        ("${vault:x}", "the scheme `vault` is not known"),
        ("${file:none.yaml}", "`none.yaml`: the file cannot be read"),
        ("${env:LOOP}", "the substitution never ends"),
        ("${env:BOMB}", "bring more than 16777216 bytes"),
        ("${1:x}", "names no scheme"),
        ("${https:a}", "not fetched over HTTP"),
    ] {
        let told = problem(&format!("'{value}'"), &mut memory);
        assert!(told.contains(part), "{value}: {told}");
    }
}

/// Scenario: a file is put in place of a map and holds a mistake.
/// Guarantees: the mistake is told with the place in that file.
#[test]
fn mistakes_in_included_files_are_told_where_they_are() {
    let mut memory = Memory::default();
    memory
        .files
        .insert("p.yaml", "batch:\n  timeout: soon".to_owned());
    memory
        .files
        .insert("c.yaml", "processors: ${file:p.yaml}".to_owned());
    let loaded = load(
        &Sources::new().config("c.yaml"),
        LoadOptions::default(),
        &memory,
    );
    let told = lines(&loaded.diagnostics).join("\n");
    assert!(
        told.contains("p.yaml:2:12: error: processors::batch::timeout: not a duration"),
        "{told}"
    );
    assert!(
        loaded
            .diagnostics
            .to_string()
            .contains("2 |   timeout: soon")
    );
}

/// Scenario: sources that cannot be read or are no configuration.
/// Guarantees: each is told with its name; a text on the command line is not repeated.
#[test]
fn unreadable_sources_are_told_by_name() {
    let mut memory = Memory::default();
    memory.files.insert("list.yaml", "[1]".to_owned());
    memory.variables.insert("CONFIG", "a: [".to_owned());
    let sources = Sources::new()
        .config("none.yaml")
        .config("list.yaml")
        .config("env:CONFIG")
        .config("env:NONE")
        .config("yaml:- hush")
        .config("http://host/config.yaml")
        .set("novalue");
    let loaded = load(&sources, LoadOptions::default(), &memory);
    let told = loaded.diagnostics.to_string();
    for part in [
        "--> none.yaml",
        "list.yaml:1:1",
        "env:CONFIG:1:",
        "`NONE` is not set",
        "yaml:...:1:1",
        "--set",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    assert_eq!(loaded.diagnostics.errors().count(), 7, "{told}");
}
