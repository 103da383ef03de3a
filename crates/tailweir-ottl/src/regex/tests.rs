//! Go patterns mean here what they mean in Go.

use super::GoRegex;

fn matches(pattern: &str, text: &str) -> bool {
    GoRegex::new(pattern).unwrap().is_match(text.as_bytes())
}

fn refused(pattern: &str) -> String {
    GoRegex::new(pattern).unwrap_err().to_string()
}

/// Scenario: the classes that Go keeps to ASCII meet text beyond ASCII.
/// Guarantees: they match what they match in Go, inside and outside brackets.
#[test]
fn shorthand_classes_are_ascii() {
    assert!(matches(r"^\d+$", "42") && !matches(r"^\d+$", "٤٢"));
    assert!(matches(r"^\w+$", "a_1") && !matches(r"^\w+$", "é"));
    assert!(matches(r"^\W$", "é") && matches(r"^[\W]$", "é") && matches(r"^[^\w]$", "é"));
    assert!(matches(r"^\s$", "\t") && !matches(r"^\s$", "\u{a0}") && !matches(r"^\s$", "\x0b"));
    assert!(matches(r"^[\d-]+$", "1-2") && matches(r"^[\s\S]$", "é"));
    assert!(matches(r"a\b", "aé"), "a word ends before é in Go");
}

/// Scenario: braces, quotes, brackets and operators stand where Go takes them literally.
/// Guarantees: they are literals here too.
#[test]
fn literals_of_go_stay_literals() {
    assert!(matches("^{a}$", "{a}") && matches("^a{,3}$", "a{,3}") && matches("^a{01}$", "a{01}"));
    assert!(
        matches(r"^\Qa.b*\E+$", "a.b***") && !matches(r"^\Qa.b\E$", "axb") && matches(r"\Q[", "[")
    );
    assert!(matches("^[[a]+$", "[a") && matches("^[a&&b]+$", "a&b") && matches("^[a~~b]+$", "~"));
    assert!(matches("^[]a]+$", "]a") && matches("^[a-]+$", "-") && matches("^[^]]$", "x"));
    assert!(
        matches(r"^\<b\>$", "<b>")
            && matches(r"^\b{start}", "{start}") == matches(r"^\b\{start\}", "{start}")
    );
    assert!(matches(r"^\101\x41\x{41}$", "AAA") && matches("^a #b$", "a #b"));
}

/// Scenario: patterns use what Go has beyond the plain characters.
/// Guarantees: properties, POSIX classes, flags and lazy repetition work.
#[test]
fn what_go_has_works() {
    assert!(
        matches(r"^\pL\PN$", "éx") && matches(r"^\p{Han}+$", "日本") && matches(r"^\p{^Han}$", "a")
    );
    assert!(
        matches("^[[:alpha:][:^space:]]+$", "a1")
            && matches("(?i)^GET$", "get")
            && matches("(?s)^a.b$", "a\nb")
    );
    assert!(
        matches("(?i:a)B", "AB")
            && matches("^a{2}?$", "aa")
            && matches("(?U)a+", "aa")
            && matches("^*a", "a")
    );
}

/// Scenario: patterns that Go refuses, many of which Rust would take.
/// Guarantees: they are refused.
#[test]
fn what_go_refuses_is_refused() {
    for pattern in [
        "[",
        "(",
        ")",
        "a**",
        "a*+",
        "*a",
        "(?x)a",
        "(?u)a",
        "(?=a)",
        r"\C",
        r"\1",
        r"\u0041",
        r"\h",
        "a{1001}",
        "a{2,1}",
        "[z-a]",
        "[[:nope:]]",
        r"\p{",
        r"\pé",
        "(?P<a-b>x)",
        "(a{100}){11}",
        r"\Q\E*",
        "\\",
        r"[a-\d]",
        "(?",
    ] {
        assert!(GoRegex::new(pattern).is_err(), "{pattern}");
    }
}

/// Scenario: a wrong pattern with the trouble in its middle.
/// Guarantees: the error shows the pattern, the byte and the reason.
#[test]
fn an_error_says_where() {
    let error = GoRegex::new("abc**").unwrap_err();
    assert_eq!(error.offset(), 4);
    assert_eq!(
        refused("abc**"),
        "invalid regular expression `abc**` at byte 4: invalid nested repetition operator"
    );
}

/// Scenario: text that is not UTF-8 is matched.
/// Guarantees: each foreign byte counts as one character, as in Go.
#[test]
fn foreign_bytes_count_as_one_character_each() {
    let three = GoRegex::new("^a..b$").unwrap();
    assert!(three.is_match(b"a\xff\xfeb"));
    assert!(
        three.is_match(b"a\xe6\x97b"),
        "a cut character counts by the byte"
    );
    assert!(!three.is_match(b"a\xffb"));
}

/// Scenario: groups with and without names, one of which takes no part.
/// Guarantees: only named groups are given, in order, an idle one as empty text.
#[test]
fn named_groups_come_in_order() {
    let regex = GoRegex::new(r"(?P<1st>\d+)(-)?(?<rest>x)?").unwrap();
    let groups = regex.named_groups(b"a 12-").unwrap();
    assert_eq!(groups, [("1st", b"12".to_vec()), ("rest", Vec::new())]);
    assert!(regex.named_groups(b"none").is_none());
    assert!(regex.has_named_groups() && !GoRegex::new("(a)").unwrap().has_named_groups());
}

/// Scenario: a small pattern that would compile into a huge program.
/// Guarantees: it is refused with the limit, not compiled.
#[test]
fn a_pattern_that_grows_too_large_is_refused() {
    assert!(
        refused(r"(\pL{500}\pL{500}){1}\pL{1000}\pL{1000}\pL{1000}")
            .contains("compiled form exceeds")
    );
}

proptest::proptest! {
    /// Scenario: any text is taken as a pattern, and matched with any bytes.
    /// Guarantees: no panic.
    #[test]
    fn any_text_is_compiled_or_refused(pattern in ".{0,40}", text: Vec<u8>) {
        if let Ok(regex) = GoRegex::new(&pattern) {
            let _ = regex.is_match(&text);
        }
    }

    /// Scenario: text of the pattern language's own characters is taken as a pattern.
    /// Guarantees: no panic, and whatever the translation writes, Rust compiles or calls too large.
    #[test]
    fn a_translation_is_never_wrong_syntax(pattern in r"[\[\](){}|*+?.^$\\a-cdwsQEpPx0-9:,&~-]{0,16}") {
        if let Err(error) = GoRegex::new(&pattern) {
            let foreign = error.reason().starts_with("not supported");
            let unknown_property = error.reason().contains("Unicode");
            proptest::prop_assert!(!foreign || unknown_property, "{error}");
        }
    }
}
