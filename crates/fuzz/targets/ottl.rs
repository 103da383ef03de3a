//! Any text as an OTTL condition, in every scene: no panic, and what compiles evaluates without one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tailweir_otlp::{ResourceFields, ScopeFields, SpanView};
use tailweir_ottl::Options;
use tailweir_paths::{Condition, Scene, SpanSubject};

/// A span with an id, a name and one attribute.
const SPAN: &[u8] = b"\x0a\x10\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\
\x12\x08\x01\x02\x03\x04\x05\x06\x07\x08\x2a\x03get\x4a\x08\x0a\x01v\x12\x03\x0a\x01a";

fuzz_target!(|text: &str| {
    let options = Options::default();
    for scene in [Scene::SpanEvent, Scene::Log, Scene::Metric, Scene::DataPoint] {
        let _ = Condition::compile(text, &scene, &options);
    }
    let Ok(condition) = Condition::compile(text, &Scene::Span, &options) else { return };
    let subject = SpanSubject {
        resource: ResourceFields(b""),
        scope: ScopeFields(b""),
        span: SpanView(SPAN),
    };
    let _ = condition.evaluate(&subject);
});
