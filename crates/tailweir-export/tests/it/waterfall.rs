//! Traces as people see them.

use crate::support::{attribute, span, traces};
use opentelemetry_proto::tonic::trace::v1::Status;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use proptest::prelude::*;
use tailweir_export::{WaterfallOptions, waterfall};

fn drawn(body: &[u8], width: usize) -> String {
    let options = WaterfallOptions {
        width,
        ..WaterfallOptions::default()
    };
    waterfall(body, &options).join("\n")
}

fn failed(message: &str) -> Option<Status> {
    Some(Status {
        code: 2,
        message: message.to_owned(),
    })
}

/// Scenario: a trace over three services, its spans out of order, with an error and an exception.
/// Guarantees: parents stand before their children, siblings by time, bars where their time lies, what went
/// wrong beside.
#[test]
fn a_trace_is_a_tree_with_bars() {
    let mut root = span(1, 0, "GET /checkout", 0, 1240);
    root.attributes = vec![
        attribute("http.route", "/checkout"),
        attribute("noise", "x"),
    ];
    let mut charge = span(3, 1, "Charge", 160, 1240);
    charge.status = failed("card declined");
    let mut post = span(4, 3, "POST /v1/pay", 260, 1240);
    post.status = failed("");
    post.events = vec![Event {
        name: "exception".to_owned(),
        attributes: vec![attribute("exception.message", "timeout")],
        ..Event::default()
    }];
    let body = traces([
        ("payment", vec![charge, post]),
        ("cart", vec![span(2, 1, "GetCart", 20, 140)]),
        ("frontend", vec![root]),
    ]);
    let expected = "\
trace 01010101010101010101010101010101  4 spans, 3 services, 2 errors, 1.24 s, 2023-11-14 22:13:20 UTC
frontend GET /checkout    ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 1.24 s   http.route=/checkout
cart     ├ GetCart        ━━━━                              120 ms
payment  └ Charge             ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 1.08 s   ✗ card declined
payment    └ POST /v1/pay       ━━━━━━━━━━━━━━━━━━━━━━━━━━━ 980 ms   ✗ timeout";
    assert_eq!(drawn(&body, 90), expected);
}

/// Scenario: the same trace with colours.
/// Guarantees: without them the lines are those without colours; an error is red.
#[test]
fn colours_change_nothing_but_colours() {
    let mut wrong = span(1, 0, "GET /", 0, 10);
    wrong.status = failed("no");
    let body = traces([("shop", vec![wrong])]);
    let options = WaterfallOptions {
        colours: true,
        ..WaterfallOptions::default()
    };
    let coloured = waterfall(&body, &options).join("\n");
    assert!(coloured.contains("\x1b[31m✗ no\x1b[0m"), "{coloured:?}");
    let mut plain = String::new();
    for part in coloured.split("\x1b[") {
        plain.push_str(
            part.split_once('m')
                .filter(|_| !plain.is_empty())
                .map_or(part, |it| it.1),
        );
    }
    let plain = plain.trim_start_matches("1m").to_owned();
    assert_eq!(plain, drawn(&body, 120));
}

/// Scenario: spans that are their own parents, in a circle, without a parent in the request, and twice
/// with one id.
/// Guarantees: each is drawn exactly once.
#[test]
fn every_span_is_drawn_once_whatever_its_parent() {
    let spans = vec![
        span(1, 1, "self", 0, 1),
        span(2, 3, "circle-a", 1, 2),
        span(3, 2, "circle-b", 2, 3),
        span(4, 9, "orphan", 3, 4),
        span(5, 4, "twin-a", 4, 5),
        span(5, 4, "twin-b", 5, 6),
        span(6, 5, "child", 6, 7),
    ];
    let text = drawn(&traces([("s", spans)]), 100);
    for name in [
        "self", "circle-a", "circle-b", "orphan", "twin-a", "twin-b", "child",
    ] {
        assert_eq!(text.matches(name).count(), 1, "{name} in\n{text}");
    }
    assert!(text.contains("│ └ child"), "{text}");
}

/// Scenario: names with escape sequences and line feeds, in services, spans, messages and attributes.
/// Guarantees: no control character reaches the terminal.
#[test]
fn nothing_in_a_trace_commands_the_terminal() {
    let evil = "\x1b]0;title\x07\r\n\u{202e}";
    let mut wrong = span(1, 0, evil, 0, 10);
    wrong.status = failed(evil);
    wrong.attributes = vec![attribute("http.route", evil)];
    let lines = waterfall(
        &traces([("\x1b[2J", vec![wrong])]),
        &WaterfallOptions::default(),
    );
    assert!(
        lines.iter().all(|line| !line.chars().any(char::is_control)),
        "{lines:?}"
    );
    assert!(!lines.concat().contains('\u{202e}'));
}

/// Scenario: a chain of a thousand spans, and many traces in a request.
/// Guarantees: what is left out is counted; no line is wider than asked for.
#[test]
fn output_is_bounded() {
    let chain = (0..1000_u64).map(|number| {
        let mut link = span(1, 0, "link", number, 1000);
        link.span_id = (number + 1).to_be_bytes().to_vec();
        link.parent_span_id = number.to_be_bytes().to_vec();
        link
    });
    let lines = waterfall(
        &traces([("s", chain.collect())]),
        &WaterfallOptions::default(),
    );
    assert_eq!(lines.len(), 202);
    assert_eq!(lines[201], "… and 800 more spans");
    assert!(lines[1..].iter().all(|line| line.chars().count() <= 120));
    let many = (0..60).map(|number| {
        let mut root = span(1, 0, "root", 0, 1);
        root.trace_id = vec![number + 1; 16];
        root
    });
    let lines = waterfall(
        &traces([("s", many.collect())]),
        &WaterfallOptions::default(),
    );
    assert_eq!(lines.last().unwrap(), "… and 10 more traces");
}

proptest! {
    /// Scenario: any bytes, and any times, as a request.
    /// Guarantees: no panic, and no line wider than asked for.
    #[test]
    fn any_bytes_can_be_drawn(
        bytes: Vec<u8>,
        times in prop::collection::vec((any::<u64>(), any::<u64>(), 0_u8..4, 0_u8..4), 0..8),
        width in 0_usize..500,
    ) {
        drawn(&bytes, width);
        let spans = times.into_iter().map(|(start, end, id, parent)| {
            let mut any = span(id, parent, "any", 0, 0);
            (any.start_time_unix_nano, any.end_time_unix_nano) = (start, end);
            any
        });
        let text = drawn(&traces([("s", spans.collect())]), width);
        let widest = text.lines().skip(1).map(|line| line.chars().count()).max().unwrap_or(0);
        prop_assert!(widest <= width.clamp(40, 400), "{}", text);
    }
}
