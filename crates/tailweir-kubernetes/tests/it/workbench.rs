//! Settings, objects and resources for the other tests.

use bytes::Bytes;
use serde_json::{Value as Json, json};
use std::io;
use std::sync::Arc;
use tailweir_config::{Environment, KubernetesAttributes, LoadOptions, Processor, Sources, load};
use tailweir_core::{ClientContext, Moment, Signal};
use tailweir_kubernetes::{Event, Kind, PodAttributes, Rules, Table, read_event, read_page};
use tailweir_otlp::{AnyValue, RequestView, json};
use tailweir_transform::{Request, Transform};

struct File(String);

impl Environment for File {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn read(&self, _: &str) -> io::Result<String> {
        Ok(self.0.clone())
    }
}

/// The settings of a block.
pub(crate) fn settings(block: &str) -> KubernetesAttributes {
    let block = block.lines().map(|line| format!("    {line}\n"));
    let block: String = block.collect();
    let text = format!(
        "receivers: {{nop: }}\nexporters: {{nop: }}\nprocessors:\n  k8sattributes:\n{block}\nservice: {{pipelines: \
         {{traces: {{receivers: [nop], processors: [k8sattributes], exporters: [nop]}}}}}}"
    );
    let sources = Sources::new().config("config.yaml");
    let loaded = load(&sources, LoadOptions::default(), &File(text));
    let settings = loaded
        .settings
        .unwrap_or_else(|| panic!("{}", loaded.diagnostics));
    match settings.processors.into_values().next() {
        Some(Processor::KubernetesAttributes(settings)) => *settings,
        other => panic!("not k8s_attributes: {other:?}"),
    }
}

/// A table and its processor.
pub(crate) struct Bench {
    pub(crate) rules: Arc<Rules>,
    pub(crate) table: Arc<Table>,
    processor: PodAttributes,
}

impl Bench {
    pub(crate) fn new(block: &str) -> Self {
        let rules = Arc::new(Rules::new(&settings(block), None).unwrap());
        let table = Arc::new(Table::new(Arc::clone(&rules)));
        let processor = PodAttributes::new(Arc::clone(&rules), Arc::clone(&table));
        Self {
            rules,
            table,
            processor,
        }
    }

    /// Reads a list to its end.
    pub(crate) fn list(&self, kind: Kind, objects: &[Json], seconds: u64) {
        let answer = json!({ "metadata": { "resourceVersion": "1" }, "items": objects });
        let page = read_page(kind, answer.to_string().as_bytes()).unwrap();
        self.table.begin(kind);
        self.table.apply(page.objects, at(seconds));
        self.table.finish(kind, at(seconds));
    }

    /// Takes an event.
    pub(crate) fn event(&self, event: &str, object: &Json, seconds: u64) {
        let line = json!({ "type": event, "object": object }).to_string();
        match read_event(Kind::Pod, line.as_bytes()).unwrap() {
            Event::Set(object, _) => self.table.apply(vec![object], at(seconds)),
            Event::Gone(object, _) => self.table.remove(&object, at(seconds)),
            Event::Nothing(_) => {}
        }
    }

    /// The attributes of a resource of spans after the processor, in order.
    pub(crate) fn enrich(&self, client: Option<&str>, attributes: &Json) -> Vec<(String, Json)> {
        self.enrich_of(Signal::Traces, client, attributes)
    }

    /// The same of any signal.
    pub(crate) fn enrich_of(
        &self,
        signal: Signal,
        client: Option<&str>,
        attributes: &Json,
    ) -> Vec<(String, Json)> {
        let resource = json!({ "attributes": attributes });
        let request = match signal {
            Signal::Traces => json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [
                { "spans": [{ "traceId": "00000000000000000000000000000001", "spanId": "0000000000000001" }] },
            ] }] }),
            Signal::Metrics => {
                json!({ "resourceMetrics": [{ "resource": resource, "scopeMetrics": [
                { "metrics": [{ "name": "a", "gauge": { "dataPoints": [{ "asInt": "1" }] } }] },
            ] }] })
            }
            Signal::Logs => json!({ "resourceLogs": [{ "resource": resource, "scopeLogs": [
                { "logRecords": [{ "severityText": "INFO" }] },
            ] }] }),
        };
        let mut body = Vec::new();
        json::to_wire(signal, request.to_string().as_bytes(), &mut body).unwrap();
        let client = &ClientContext {
            address: client.map(|client| client.parse().unwrap()),
            ..ClientContext::NOBODY
        };
        let request = Request {
            signal,
            body: Bytes::from(body),
            client,
        };
        let edited = self.processor.apply(request).unwrap();
        let resource = RequestView(&edited.body)
            .resources()
            .next()
            .unwrap()
            .resource();
        let attributes = resource.attributes();
        let pair = |it: tailweir_otlp::KeyValue<'_>| {
            (
                String::from_utf8_lossy(it.key).into_owned(),
                plain(it.value),
            )
        };
        attributes.iter().map(pair).collect()
    }

    /// The name of the pod that is found for a client.
    pub(crate) fn pod_of(&self, client: &str) -> Option<String> {
        let attributes = self.enrich(Some(client), &json!([]));
        let name = attributes
            .into_iter()
            .find(|(key, _)| key == "k8s.pod.name");
        name.and_then(|(_, name)| Some(name.as_str()?.to_owned()))
    }
}

pub(crate) fn at(seconds: u64) -> Moment {
    Moment::from_millis(seconds * 1_000)
}

/// A pod of these names that started at a second of a minute.
pub(crate) fn pod(uid: &str, address: &str, started: u32) -> Json {
    json!({
        "metadata": { "name": format!("pod-{uid}"), "namespace": "shop", "uid": uid },
        "status": { "podIP": address, "startTime": format!("2026-01-01T00:00:{started:02}Z") },
    })
}

fn plain(value: AnyValue<'_>) -> Json {
    match value {
        AnyValue::String(text) => json!(String::from_utf8_lossy(text)),
        AnyValue::Int(number) => json!(number),
        AnyValue::Array(values) => values.iter().map(plain).collect(),
        other => json!(format!("{other:?}")),
    }
}
