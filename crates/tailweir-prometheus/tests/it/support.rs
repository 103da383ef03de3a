//! Requests and pages for tests.

use tailweir_config::{EmptyEnvironment, Exporter, LoadOptions, PrometheusExporter, Sources, load};
use tailweir_core::{Moment, Signal};
use tailweir_otlp::json;
use tailweir_prometheus::{Format, Outcome, Page, Store, StoreOptions};

/// The settings of the first exporter of a configuration.
pub(crate) fn settings(block: &str, compat: Option<tailweir_config::Compat>) -> PrometheusExporter {
    let pipeline = "receivers: {nop: }\n\
         service: {pipelines: {metrics: {receivers: [nop], exporters: [prometheus]}}}\n";
    let sources = Sources::new().config(format!("yaml:{block}\n{pipeline}"));
    let options = LoadOptions {
        compat,
        ..LoadOptions::default()
    };
    let loaded = load(&sources, options, &EmptyEnvironment);
    let settings = loaded
        .settings
        .unwrap_or_else(|| panic!("{}", loaded.diagnostics));
    match settings.exporters.values().next().expect("an exporter") {
        Exporter::Prometheus(settings) => settings.as_ref().clone(),
        other => panic!("{other:?} has no page"),
    }
}

/// A store with the default settings and these options over them, in YAML's flow style.
pub(crate) fn store(options: &str) -> Store {
    let block = format!("exporters: {{prometheus: {{endpoint: '127.0.0.1:8889', {options}}}}}");
    Store::new(StoreOptions::of(&settings(&block, None)), 0)
}

/// Takes in a request in OTLP/JSON.
pub(crate) fn accept(store: &mut Store, request: &str, now: Moment) -> Outcome {
    let mut wire = Vec::new();
    json::to_wire(Signal::Metrics, request.as_bytes(), &mut wire).expect("OTLP/JSON");
    store.accept(&wire, now)
}

/// The whole page for a scraper that sends this header.
pub(crate) fn page(store: &mut Store, accept: &str, open_metrics: bool, now: Moment) -> Vec<u8> {
    let mut page = Page::new(Format::negotiate(accept, open_metrics), Vec::new());
    let mut out = Vec::new();
    while page.write_part(store, now, &mut out) {}
    out
}

/// The page as text 0.0.4.
pub(crate) fn text(store: &mut Store, now: Moment) -> String {
    String::from_utf8(page(store, "", false, now)).expect("UTF-8")
}
