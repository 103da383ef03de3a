//! Any bytes as metrics: no panic in any format, and never more series than allowed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tailweir_config::{Compat, PrometheusExporter, TranslationStrategy};
use tailweir_core::Moment;
use tailweir_prometheus::{Format, Page, Store, StoreOptions};

const SERIES_MAX: usize = 8;

fuzz_target!(|bytes: &[u8]| {
    for (compat, translation_strategy) in [
        (Compat::Tailweir, TranslationStrategy::default()),
        (Compat::Collector, TranslationStrategy::NoTranslation),
    ] {
        let settings = PrometheusExporter {
            compat,
            translation_strategy: Some(translation_strategy),
            max_series: SERIES_MAX as i64,
            ..PrometheusExporter::default()
        };
        let mut store = Store::new(StoreOptions::of(&settings), 1);
        // The first half and the whole, so that streams go on.
        store.accept(&bytes[..bytes.len() / 2], Moment::ZERO);
        store.accept(bytes, Moment::ZERO);
        assert!(store.series() <= SERIES_MAX);
        // What scrapers ask for is hostile too.
        let header = String::from_utf8_lossy(bytes);
        for accept in [
            "",
            "application/openmetrics-text;version=1.0.0;escaping=values",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
            &header,
        ] {
            let mut page = Page::new(Format::negotiate(accept, true), Vec::new());
            let mut out = Vec::new();
            while page.write_part(&mut store, Moment::ZERO, &mut out) {}
        }
    }
});
