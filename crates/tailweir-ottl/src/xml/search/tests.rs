//! XPath finds what it should in a small shelf of books.

use crate::xml::{Found, Tree, XPath};

const SHELF: &str = "<shelf><book id='1' lang='en'><title>One</title><price>5</price></book>\
    <book id='2'><title>Two</title><price>15</price><!-- old --></book><note>n</note></shelf>";

/// The texts of what an expression finds, joined.
fn found(expression: &str) -> String {
    let tree = Tree::parse(SHELF).unwrap();
    let found = XPath::new(expression).unwrap().find(&tree).unwrap();
    let text = |found: &Found| match found {
        Found::Node(id) => tree.inner_text(*id),
        Found::Attribute(id, number) => tree.nodes[*id].attributes[*number].1.clone(),
    };
    found.iter().map(text).collect::<Vec<_>>().join("|")
}

/// Scenario: paths along every axis, with abbreviations.
/// Guarantees: what they find, in the order of the document.
#[test]
fn paths_find_nodes_along_every_axis() {
    assert_eq!(found("/shelf/book/title"), "One|Two");
    assert_eq!(found("//title/text()"), "One|Two");
    assert_eq!(found("//@id"), "1|2");
    assert_eq!(found("//book[2]/preceding-sibling::book/@id"), "1");
    assert_eq!(found("//book[1]/following-sibling::*"), "Two15|n");
    assert_eq!(found("//title[. = 'Two']/ancestor::book/@id"), "2");
    assert_eq!(found("//price/../title"), "One|Two");
    assert_eq!(found("//note/preceding::price"), "5|15");
    assert_eq!(found("//title[1]/following::price"), "5|15");
    assert_eq!(found("shelf/book[last()]/title | //note"), "Two|n");
    assert_eq!(found("//book/descendant-or-self::title"), "One|Two");
    assert_eq!(found("(//book)[2]/title"), "Two");
    assert_eq!(found("//comment()"), "");
}

/// Scenario: predicates with operators and functions.
/// Guarantees: they keep what XPath 1.0 keeps.
#[test]
fn predicates_filter() {
    assert_eq!(found("//book[price > 10]/title"), "Two");
    assert_eq!(found("//book[@lang]/title"), "One");
    assert_eq!(found("//book[not(@lang) and price = 3 * 5]/title"), "Two");
    assert_eq!(
        found("//title[starts-with(., 'T') or contains(., 'n')]"),
        "One|Two"
    );
    assert_eq!(found("//book[position() = 2]/@id"), "2");
    assert_eq!(found("//*[name() = 'note']"), "n");
    assert_eq!(found("//book[count(*) = 2 and sum(price) = 5]/@id"), "1");
    assert_eq!(found("//book[string-length(title) = 3][2]/@id"), "2");
    assert_eq!(found("//title[translate(., 'OT', 'ot') = 'two']"), "Two");
    assert_eq!(
        found("//title[substring(., 2, 2) = 'ne' and normalize-space(concat(' ', ., ' ')) = .]"),
        "One"
    );
    assert_eq!(found("//book[-price < -10 and 7 mod 2 = 1]/@id"), "2");
}

/// Scenario: expressions that are none.
/// Guarantees: they are refused.
#[test]
fn wrong_expressions_are_refused() {
    for wrong in [
        "", "][", "/a/", "//", "a[", "a b", "nope()", "count()", "foo::a", "@", "'a", "$x", "a//",
    ] {
        assert!(XPath::new(wrong).is_err(), "{wrong}");
    }
    assert!(XPath::new(&"(".repeat(1000)).is_err());
}

/// Scenario: an expression that looks at every pair of nodes of a large document, again and again.
/// Guarantees: an error instead of minutes.
#[test]
fn a_search_is_bounded() {
    let text = format!("<a>{}</a>", "<b/>".repeat(2000));
    let tree = Tree::parse(&text).unwrap();
    let expression = XPath::new("//b[//b[//b]]").unwrap();
    assert!(expression.find(&tree).is_err());
}
