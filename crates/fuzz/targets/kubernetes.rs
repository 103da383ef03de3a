//! Any bytes as answers of the API of Kubernetes: no panic, no more remembered than may be, and what is known of a pod is written as a
//! sound OTLP request.

#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, LazyLock};
use tailweir_config::{EmptyEnvironment, LoadOptions, Processor, Sources, load};
use tailweir_core::{ClientContext, Moment, Signal};
use tailweir_kubernetes::{
    Event, Kind, Lines, Object, PodAttributes, Rules, Table, read_event, read_one, read_page,
};
use tailweir_transform::{Request, Transform};

/// Objects of a kind that are remembered.
const OBJECTS_MAX: u64 = 4;

/// All that can be asked of a pod and its owners.
const SETTINGS: &str = "yaml:
receivers: {nop: }
exporters: {nop: }
processors:
  k8s_attributes:
    max_objects: 4
    max_object_bytes: 2048
    extract:
      metadata:
        [k8s.namespace.name, k8s.pod.name, k8s.pod.uid, k8s.pod.hostname, k8s.pod.ip, k8s.pod.start_time, k8s.deployment.name,
        k8s.deployment.uid, k8s.replicaset.name, k8s.replicaset.uid, k8s.daemonset.name, k8s.statefulset.name, k8s.job.name,
        k8s.cronjob.name, k8s.cronjob.uid, k8s.node.name, k8s.node.uid, k8s.cluster.uid, k8s.container.name, container.id,
        container.image.name, container.image.tag, container.image.tags, container.image.repo_digests, service.namespace,
        service.name, service.version, service.instance.id]
      labels: [{key_regex: (.*), tag_name: $1}, {key: tier, from: namespace}, {key: tier, from: node}, {key: tier, from: deployment}]
      annotations: [{key_regex: 'a(.*)', tag_name: a.$1}]
    pod_association: [{sources: [{from: connection}]}]
service: {pipelines: {traces: {receivers: [nop], processors: [k8s_attributes], exporters: [nop]}}}
";

static RULES: LazyLock<Arc<Rules>> = LazyLock::new(|| {
    let loaded = load(
        &Sources::new().config(SETTINGS),
        LoadOptions::default(),
        &EmptyEnvironment,
    );
    let settings = loaded.settings.unwrap_or_else(|| panic!("{}", loaded.diagnostics));
    match settings.processors.into_values().next() {
        Some(Processor::KubernetesAttributes(settings)) => {
            Arc::new(Rules::new(&settings, None).expect("rules"))
        }
        other => panic!("not k8s_attributes: {other:?}"),
    }
});

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, answer) = input;
    let table = Arc::new(Table::new(Arc::clone(&RULES)));
    let set = |objects: Vec<Object>| table.apply(objects, Moment::ZERO);
    let kind = Kind::ALL[usize::from(choice) % Kind::ALL.len()];
    if let Ok(page) = read_page(kind, answer) {
        table.begin(kind);
        set(page.objects);
        table.finish(kind, Moment::ZERO);
    }
    let mut lines = Lines::new(1 << 12);
    let (first, second) = answer.split_at(answer.len() / 2);
    if lines.push(first).is_ok() && lines.push(second).is_ok() {
        while let Some(line) = lines.pop() {
            match read_event(kind, &line) {
                Ok(Event::Set(object, _)) => set(vec![object]),
                Ok(Event::Gone(object, _)) => table.remove(&object, Moment::ZERO),
                Ok(Event::Nothing(_)) | Err(_) => {}
            }
        }
    }
    if let Ok(one) = read_one(answer) {
        assert!(!one.name.is_empty() && !one.uid.is_empty());
    }
    assert!(table.figures().of(kind).held.load(Relaxed) <= OBJECTS_MAX);
    tell(&table);
    table.expire(Moment::from_millis(1 << 30));
});

/// What is known of the pod at the address of most seeds.
fn tell(table: &Arc<Table>) {
    let processor = PodAttributes::new(Arc::clone(&RULES), Arc::clone(table));
    let client = &ClientContext {
        address: Some([10, 0, 0, 9].into()),
        ..ClientContext::NOBODY
    };
    // One resource without anything.
    let body = b"\x0a\x00".to_vec().into();
    let request = Request {
        signal: Signal::Traces,
        body,
        client,
    };
    if let Ok(edited) = processor.apply(request) {
        ExportTraceServiceRequest::decode(&edited.body[..]).expect("a request");
    }
}
