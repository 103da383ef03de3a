//! A recorded suite: settings, requests, and what became of them.

use serde_json::Value;
use std::collections::BTreeMap;
use tailweir_config::{
    Compat, EmptyEnvironment, LoadOptions, TailSampling, load_tail_sampling_block,
};
use tailweir_core::{Signal, SpanId, TraceId};
use tailweir_otlp::{Scan, ScanLimits, json};
use tailweir_sampler::EngineSettings;
use tailweir_testkit::Folder;

/// A request as it arrived.
pub(crate) struct Request {
    pub(crate) wire: Vec<u8>,
    pub(crate) scan: Scan,
}

impl Request {
    fn from_json(line: &str) -> Self {
        let mut wire = Vec::new();
        json::to_wire(Signal::Traces, line.as_bytes(), &mut wire).expect("OTLP/JSON");
        let mut scan = Scan::new();
        Scan::traces(&wire, &ScanLimits::default(), &mut scan).expect("a sound request");
        Self { wire, scan }
    }
}

/// Word and policy.
pub(crate) type Verdict = (String, String);

pub(crate) struct Suite {
    pub(crate) name: String,
    pub(crate) mode: String,
    pub(crate) settings: TailSampling,
    pub(crate) requests: Vec<Request>,
    /// The first decision about each trace, in order of first arrival.
    pub(crate) expected: Vec<(TraceId, Verdict)>,
    pub(crate) arrivals: Vec<u64>,
    pub(crate) shutdown: u64,
    pub(crate) forwarded: BTreeMap<TraceId, Vec<(u64, Vec<SpanId>)>>,
}

impl Suite {
    /// Nothing for a suite whose configuration is refused: one has a misspelt section, which the
    /// Collector takes for the settings of an extension.
    pub(crate) fn read(folder: &Folder, name: &str) -> Option<Self> {
        let about = folder.json(&format!("{name}/suite.json"));
        let yaml = folder.text(&format!("{name}/config.yaml"));
        let options = LoadOptions {
            compat: Some(Compat::Collector),
            ..LoadOptions::default()
        };
        let (settings, diagnostics) =
            load_tail_sampling_block("config.yaml", yaml, options, &EmptyEnvironment);
        assert!(
            settings.is_some() || yaml.contains("latncy"),
            "{name}: {diagnostics:?}"
        );
        let mut settings = settings?;
        settings.consistent_probability = about.get("feature_gates").is_some();
        let lines = folder.text(&format!("{name}/input.jsonl")).lines();
        let expected = folder.json_lines(&format!("{name}/expected.jsonl"));
        let timed = about["mode"] == "timed";
        let events = format!("{name}/events.jsonl");
        Some(Self {
            mode: text(&about["mode"]),
            settings,
            requests: lines.map(Request::from_json).collect(),
            expected: expected
                .iter()
                .map(|line| (id(line), verdict(line)))
                .collect(),
            arrivals: numbers(&about["arrival_ms"]),
            shutdown: about["shutdown_ms"].as_u64().unwrap_or_default(),
            forwarded: if timed {
                forwarded(&folder.json_lines(&events))
            } else {
                BTreeMap::new()
            },
            name: name.to_owned(),
        })
    }

    /// As an operator's block is taken for one engine.
    pub(crate) fn engine_settings(&self) -> EngineSettings {
        let settings = &self.settings;
        EngineSettings {
            decision_wait: settings.decision_wait,
            decision_wait_after_root: settings.decision_wait_after_root_received,
            traces_max: settings.num_traces as usize,
            refuse_on_overflow: settings.block_on_overflow,
            sampled_trace_bytes_max: settings.maximum_trace_size_bytes,
            abandon_on_drain: settings.drop_pending_traces_on_shutdown,
            sampled_decisions_max: settings.decision_cache.sampled_cache_size as usize,
            other_decisions_max: settings.decision_cache.non_sampled_cache_size as usize,
            ..EngineSettings::default()
        }
    }
}

fn forwarded(events: &[Value]) -> BTreeMap<TraceId, Vec<(u64, Vec<SpanId>)>> {
    let mut forwarded = BTreeMap::<_, Vec<_>>::new();
    for event in events.iter().filter(|event| event["event"] == "forward") {
        let spans = event["spans"].as_array().expect("as recorded").iter();
        let mut spans: Vec<SpanId> = spans
            .map(|span| text(span).parse().expect("as recorded"))
            .collect();
        spans.sort();
        let at = event["at_ms"].as_u64().expect("as recorded");
        forwarded.entry(id(event)).or_default().push((at, spans));
    }
    forwarded
}

fn id(line: &Value) -> TraceId {
    text(&line["trace_id"]).parse().expect("as recorded")
}

fn verdict(line: &Value) -> Verdict {
    (text(&line["decision"]), text(&line["policy"]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn numbers(list: &Value) -> Vec<u64> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_u64)
        .collect()
}
