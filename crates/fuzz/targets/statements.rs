//! Any text as an OTTL statement, in every context: no panic, and what compiles runs without one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::Arc;
use tailweir_config::{StatementGroup, StatementGroups, TransformProcessor};
use tailweir_core::Signal;
use tailweir_transform::{ClientContext, Dialect, Request, Statements, Surroundings, Time, Transform};

/// A request of each signal, with a span, a metric of each kind and a log record in it.
const REQUESTS: [(Signal, &[u8]); 3] = [
    (
        Signal::Traces,
        b"\x0a\x18\x12\x16\x12\x14*\x03getJ\x08\x0a\x01v\x12\x03\x0a\x01aZ\x03\x12\x01e",
    ),
    (
        Signal::Metrics,
        b"\x0a\xae\x01\x12\xab\x01\x12\x1e\x0a\x01s:\x19\x0a\x13:\x08\x0a\x01v\x12\x03\x0a\x01a1\
          \x03\x00\x00\x00\x00\x00\x00\x00\x10\x02\x18\x01\x127\x0a\x01hJ2\x0a.!\x02\x00\x00\x00\
          \x00\x00\x00\x00)\x00\x00\x00\x00\x00\x00\x08@2\x10\x01\x00\x00\x00\x00\x00\x00\x00\x01\
          \x00\x00\x00\x00\x00\x00\x00:\x08\x00\x00\x00\x00\x00\x00\xf0?\x10\x01\x12!\x0a\x01eR\
          \x1c\x0a\x18!\x02\x00\x00\x00\x00\x00\x00\x00)\x00\x00\x00\x00\x00\x00\x08@B\x04\x12\x02\
          \x01\x01\x10\x01\x12-\x0a\x01uZ(\x0a&!\x02\x00\x00\x00\x00\x00\x00\x00)\x00\x00\x00\x00\
          \x00\x00\x08@2\x12\x09\x00\x00\x00\x00\x00\x00\xe0?\x11\x00\x00\x00\x00\x00\x00\xf0?",
    ),
    (
        Signal::Logs,
        b"\x0a\x15\x12\x13\x12\x11\x10\x05*\x03\x0a\x01b2\x08\x0a\x01v\x12\x03\x0a\x01a",
    ),
];

#[derive(Debug)]
struct Still;

impl Surroundings for Still {
    fn now(&self) -> Time {
        Time::from_unix_nanoseconds(1)
    }

    fn random(&self) -> [u8; 16] {
        [7; 16]
    }
}

fuzz_target!(|text: &str| {
    let dialect = Dialect {
        lambdas: true,
        surroundings: Arc::new(Still),
    };
    for (signal, body) in REQUESTS {
        let contexts: &[&str] = match signal {
            Signal::Traces => &["", "span", "spanevent", "resource", "scope"],
            Signal::Metrics => &["", "metric", "datapoint"],
            Signal::Logs => &["", "log"],
        };
        for context in contexts {
            let group = StatementGroup {
                context: (*context).to_owned(),
                statements: vec![text.to_owned()],
                ..StatementGroup::default()
            };
            let groups = StatementGroups {
                groups: vec![group],
                are_plain: false,
            };
            let mut settings = TransformProcessor::default();
            match signal {
                Signal::Traces => settings.trace_statements = groups,
                Signal::Metrics => settings.metric_statements = groups,
                Signal::Logs => settings.log_statements = groups,
            }
            let Ok(statements) = Statements::new(&settings, &dialect) else {
                continue;
            };
            let client = &ClientContext::default();
            let _ = statements.apply(Request {
                signal,
                body: body.into(),
                client,
            });
        }
    }
});
