//! XPath finds what it should in a small shelf of books.

use super::Search;
use crate::xml::xpath::Axis;
use crate::xml::{Found, Tree, XPath};
use proptest::prelude::{Just, Strategy, prop, prop_oneof, proptest};
use std::cell::Cell;

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

/// Scenario: an expression that asks for the text of the whole document at each of 2,000 elements, where that is a mebibyte,
/// and at each of ten.
/// Guarantees: an error once 256 MiB were read; what reads less is answered.
#[test]
fn the_text_that_a_search_reads_is_bounded() {
    let expression = XPath::new("//b[/ = 'x']").unwrap();
    let find = |elements: usize| {
        let text = format!("<a>{}{}</a>", "x".repeat(1 << 20), "<b/>".repeat(elements));
        expression.find(&Tree::parse(&text).unwrap())
    };
    assert_eq!(find(2_000), Err("the search takes too long"));
    assert_eq!(find(10), Ok(Vec::new()));
}

/// Elements, texts and comments in elements.
fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("<a/>"),
        Just("<b c='1' d='2'/>"),
        Just("t"),
        Just("<!--n-->")
    ];
    let inner = leaf.prop_map(str::to_owned);
    let inner = inner.prop_recursive(5, 40, 4, |inner| {
        let all = prop::collection::vec(inner, 0..4);
        all.prop_map(|all| format!("<a c='1'>{}</a>", all.concat()))
    });
    prop::collection::vec(inner, 0..4).prop_map(|all| format!("<e>{}</e>", all.concat()))
}

/// What an axis leads to, where nothing is known of the numbers of nodes.
fn model(tree: &Tree, id: usize, axis: Axis) -> Vec<usize> {
    fn inside(tree: &Tree, id: usize) -> Vec<usize> {
        let children = tree.nodes[id].children.iter();
        children
            .flat_map(|child| [vec![*child], inside(tree, *child)].concat())
            .collect()
    }
    let siblings = match tree.nodes[id].parent {
        Some(parent) => tree.nodes[parent].children.clone(),
        None => vec![id],
    };
    let own = siblings.iter().position(|sibling| *sibling == id).unwrap();
    match axis {
        Axis::Descendant => inside(tree, id),
        Axis::DescendantOrSelf => [vec![id], inside(tree, id)].concat(),
        Axis::FollowingSibling => siblings[own + 1..].to_vec(),
        Axis::PrecedingSibling => siblings[..own].iter().rev().copied().collect(),
        Axis::Following => {
            let all = [vec![0], inside(tree, 0)].concat();
            let within = [vec![id], inside(tree, id)].concat();
            let behind = all.into_iter().skip_while(|node| *node != id);
            behind.filter(|node| !within.contains(node)).collect()
        }
        other => unreachable!("{other:?} does not ask for places"),
    }
}

proptest! {
    /// Scenario: every node of documents, along each axis that asks where it stands.
    /// Guarantees: the axis leads where walking through all siblings and all that is inside leads, in the same order.
    #[test]
    fn axes_lead_where_a_walk_leads(text in document()) {
        let tree = Tree::parse(&text).unwrap();
        let search = Search { tree: &tree, visits: 0, read: Cell::new(0) };
        for id in 0..tree.nodes.len() {
            for axis in [
                Axis::Descendant,
                Axis::DescendantOrSelf,
                Axis::FollowingSibling,
                Axis::PrecedingSibling,
                Axis::Following,
            ] {
                let expected: Vec<_> = model(&tree, id, axis).into_iter().map(Found::Node).collect();
                assert_eq!(search.along(Found::Node(id), axis), expected, "{axis:?} of {id} in {text}");
            }
        }
    }
}
