//! Documents are changed as before, and do not grow without a bound.

use super::{get, insert, remove, text_to_elements};
use crate::Value;
use crate::converters::{Arguments, Failure, Literals, Refusal};
use crate::expression::Prepared;
use crate::xml::{Found, Kind, Tree, XPath};
use proptest::prelude::{Just, Strategy, prop, prop_oneof, proptest};

type Prepare = fn(&Literals<'_>) -> Result<Prepared, Refusal>;

/// What a converter makes of a document, an XPath and a third argument.
fn call(prepare: Prepare, document: &str, xpath: &str, third: &str) -> Result<String, String> {
    let expression = Value::text(xpath.to_owned());
    let literals = [None, Some(&expression), None];
    let Ok(prepared) = prepare(&Literals(&literals)) else {
        return Err("refused".to_owned());
    };
    let arguments = [document, xpath, third].into_iter().map(Value::text);
    match prepared(arguments.collect::<Arguments<'_>>()) {
        Ok(Value::String(text)) => Ok(String::from_utf8_lossy(&text).into_owned()),
        Ok(other) => Err(other.kind().to_owned()),
        Err(Failure::Reason(reason)) => Err(reason.into_owned()),
        Err(Failure::Error(error)) => Err(error.to_string()),
    }
}

/// What is left when each thing that is found is taken out alone, from the end.
fn removed_one_by_one(document: &str, xpath: &str) -> String {
    let mut tree = Tree::parse(document).unwrap();
    let mut found = XPath::new(xpath).unwrap().find(&tree).unwrap();
    found.reverse();
    for found in found {
        let id = match found {
            Found::Attribute(id, number) => {
                tree.nodes[id].attributes.remove(number);
                continue;
            }
            Found::Node(id) => id,
        };
        match tree.nodes[id].kind {
            Kind::Element | Kind::Comment | Kind::CharacterData => {
                if let Some(parent) = tree.nodes[id].parent.take() {
                    tree.nodes[parent].children.retain(|child| *child != id);
                }
            }
            Kind::Text => tree.nodes[id].data.clear(),
            _ => {}
        }
    }
    tree.write()
}

/// Elements with attributes, texts, comments and other elements.
fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("<a x='1' y='2' x='3'/>"),
        Just("<b y='1'/>"),
        Just("t"),
        Just("<!--n-->"),
        Just("<![CDATA[c]]>"),
    ];
    let inner = leaf.prop_map(str::to_owned);
    let inner = inner.prop_recursive(4, 40, 5, |inner| {
        let all = prop::collection::vec(inner, 0..5);
        all.prop_map(|all| format!("<b x='1' y='2'>{}</b>", all.concat()))
    });
    prop::collection::vec(inner, 0..5).prop_map(|all| format!("<e>{}</e>", all.concat()))
}

proptest! {
    /// Scenario: nodes and attributes of documents, some within others that are taken out too.
    /// Guarantees: what is left is the same as when each is taken out alone.
    #[test]
    fn what_is_found_is_taken_out(document in document()) {
        for xpath in [
            "//a", "//b", "//b[2]", "//@x", "//@*", "//@*[position() mod 2 = 1]", "//node()", "//text()",
            "//comment() | //b/@y", "/e", "/", "//a | //b",
        ] {
            let expected = removed_one_by_one(&document, xpath);
            assert_eq!(call(remove, &document, xpath, ""), Ok(expected), "{xpath} of {document}");
        }
    }

    /// Scenario: texts of documents become elements: where the whole document is found, and where each node is, so that most
    /// are within others that are found.
    /// Guarantees: the result is the same.
    #[test]
    fn texts_become_elements_once(document in document()) {
        let whole = call(text_to_elements, &document, "/", "value");
        assert!(whole.is_ok());
        assert_eq!(call(text_to_elements, &document, "//node()", "value"), whole);
    }
}

/// Scenario: an element with 40,000 attributes and one with 20,000 elements inside, of which every second is taken out. To take
/// each out alone would move hundreds of millions of others; only that cost has changed, so this shows that nothing else has.
/// Guarantees: the others are left, in order.
#[test]
fn much_is_taken_out() {
    let attributes = |names: &[&str]| -> String {
        let all = (0..20_000).flat_map(|number| names.iter().map(move |name| (name, number)));
        all.map(|(name, number)| format!(" {name}=\"{number}\""))
            .collect()
    };
    let document = format!("<e{}></e>", attributes(&["x", "y"]));
    let left = format!("<e{}></e>", attributes(&["y"]));
    assert_eq!(call(remove, &document, "//@x", ""), Ok(left));
    let document = format!("<e>{}</e>", "<a></a><b></b>".repeat(10_000));
    let left = format!("<e>{}</e>", "<b></b>".repeat(10_000));
    assert_eq!(call(remove, &document, "//a", ""), Ok(left));
}

/// Scenario: elements two hundred deep around a text of a mebibyte, all of which are found; and a document of 64 KiB that is
/// inserted into each of 2,000 elements; the same with short texts.
/// Guarantees: what grows by more than 64 MiB fails with that bound; what does not is made.
#[test]
fn documents_grow_within_a_bound() {
    let nested = |length: usize| {
        let (open, close) = ("<a>".repeat(200), "</a>".repeat(200));
        call(
            get,
            &format!("{open}{}{close}", "x".repeat(length)),
            "//a",
            "",
        )
    };
    let inserted = |length: usize| {
        let document = format!("<e>{}</e>", "<a/>".repeat(2_000));
        call(
            insert,
            &document,
            "//a",
            &format!("<b>{}</b>", "x".repeat(length)),
        )
    };
    for grown in [nested(1 << 20), inserted(1 << 16)] {
        let reason = grown.expect_err("too large");
        assert!(reason.contains("67108864 bytes"), "{reason}");
    }
    let text = nested(10).unwrap();
    assert_eq!(text.matches('x').count(), 200 * 10);
    let text = inserted(10).unwrap();
    assert_eq!(text.matches("<b>xxxxxxxxxx</b>").count(), 2_000);
}
