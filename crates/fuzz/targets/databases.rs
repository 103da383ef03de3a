//! Any bytes as a statement of each database, in an attribute, a span's name and a log body: no panic, and what comes out is
//! sound and not much longer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};
use tailweir_config::{EmptyEnvironment, LoadOptions, Sources, load};
use tailweir_core::Signal;
use tailweir_otlp::count_items;
use tailweir_transform::{ClientContext, Dialect, Request, Surroundings, Time, Transform, compile};

/// The settings of each database, and what attributes call it.
const DATABASES: [(&str, &str); 7] = [
    ("sql", "mysql"),
    ("redis", "redis"),
    ("valkey", "valkey"),
    ("memcached", "memcached"),
    ("mongo", "mongodb"),
    ("opensearch", "opensearch"),
    ("es", "elasticsearch"),
];
/// A byte that is no UTF-8 becomes a character of three bytes, and a value of one byte three.
const GROWTH_MAX: usize = 9;

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

static TRANSFORMS: LazyLock<Vec<(&str, Arc<dyn Transform>)>> = LazyLock::new(|| {
    let databases = DATABASES.into_iter();
    databases
        .map(|(settings, system)| (system, sanitizer(settings)))
        .collect()
});

fn sanitizer(database: &str) -> Arc<dyn Transform> {
    let sources = Sources::new().config(format!(
        "yaml:processors: {{redaction: {{allow_all_keys: true, db_sanitizer: {{{database}: {{enabled: true, attributes: [a]}}}}}}}}\n\
         receivers: {{nop: }}\nexporters: {{nop: }}\n\
         service: {{pipelines: {{traces: {{receivers: [nop], processors: [redaction], exporters: [nop]}}}}}}"
    ));
    let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
    let settings = loaded.settings.expect("settings that can be loaded");
    let dialect = Dialect {
        lambdas: false,
        surroundings: Arc::new(Still),
    };
    let processor = settings.processors.values().next().expect("a processor");
    let transform = compile(processor, &dialect).expect("a processor that compiles");
    transform.expect("a processor that transforms")
}

/// A field of a message in protobuf.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut message = vec![(number << 3) | 2];
    let mut length = content.len();
    while length > 0x7f {
        message.push(length as u8 | 0x80);
        length >>= 7;
    }
    message.push(length as u8);
    message.extend_from_slice(content);
    message
}

fn attribute(key: &str, value: &[u8]) -> Vec<u8> {
    [field(1, key.as_bytes()), field(2, &field(1, value))].concat()
}

fn request(item: &[u8]) -> Vec<u8> {
    field(1, &field(2, &field(2, item)))
}

fuzz_target!(|bytes: &[u8]| {
    for (system, transform) in TRANSFORMS.iter() {
        let attributes = [
            field(9, &attribute("db.system", system.as_bytes())),
            field(9, &attribute("a", bytes)),
        ];
        let span = [field(5, bytes), vec![6 << 3, 3], attributes.concat()].concat();
        let record = [field(5, &field(1, bytes)), field(6, &attribute("a", bytes))].concat();
        for (signal, item) in [(Signal::Traces, span), (Signal::Logs, record)] {
            let body = request(&item);
            let limit = GROWTH_MAX * body.len() + 64;
            let before = count_items(signal, &body).ok();
            let client = &ClientContext::default();
            let outcome = transform.apply(Request {
                signal,
                body: body.into(),
                client,
            });
            let after = outcome.expect("a request that stays small").body;
            assert!(after.len() <= limit);
            if before.is_some() {
                assert_eq!(count_items(signal, &after).ok(), before);
            }
        }
    }
});
