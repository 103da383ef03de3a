//! The `k8s_attributes` processor.

use crate::workbench::{assert_error, lines, load_text, settings, with_processors};
use tailweir_config::{
    AssociationFrom, FieldOperation, FieldOwner, KubernetesAttributes, KubernetesAuth,
    LabelOperation, PodField, Processor,
};

fn read(block: &str) -> KubernetesAttributes {
    let loaded = settings(&with_processors(block, "k8sattributes"));
    match loaded.processors.into_values().next() {
        Some(Processor::KubernetesAttributes(settings)) => *settings,
        other => panic!("not k8s_attributes: {other:?}"),
    }
}

/// Scenario: the processor under its old name, as gateways have it; then without any option.
/// Guarantees: every option arrives; what is not written is as in the Collector.
///
/// Conforms: processor `k8s_attributes` | traces, metrics, logs | defaults | same
#[test]
fn options_are_read() {
    let settings = read(
        "  k8sattributes:
    auth_type: kubeConfig
    context: test
    extract:
      metadata: [k8s.pod.name, service.name]
      labels: [{tag_name: app, key: app}, {key_regex: 'a/(.*)', tag_name: $$1, from: namespace}]
      annotations: [{key: owner, from: cronjob}]
      otel_annotations: true
    filter:
      node_from_env_var: NODE
      namespace: shop
      fields: [{key: status.phase, value: Running, op: not-equals}]
      labels: [{key: app, op: exists}, {key: tier, value: front}]
    pod_association:
      - sources: [{from: resource_attribute, name: k8s.pod.uid}]
      - sources: [{from: connection}]
    exclude: {pods: [{name: agent}]}
    wait_for_metadata: true
    wait_for_metadata_timeout: 3s
    pod_delete_grace_period: 1m
    max_objects: 10",
    );
    assert_eq!(settings.auth_type, KubernetesAuth::KubeConfig);
    let fields = [PodField::PodName, PodField::ServiceName];
    assert_eq!(settings.extract.metadata, fields);
    assert_eq!(settings.extract.labels[0].from, FieldOwner::Pod);
    assert_eq!(settings.extract.labels[1].tag_name, "$1");
    assert_eq!(settings.extract.annotations[0].from, FieldOwner::CronJob);
    assert_eq!(settings.filter.fields[0].op, FieldOperation::NotEquals);
    assert_eq!(settings.filter.labels[0].op, LabelOperation::Exists);
    let sources = settings.pod_association.iter().map(|it| it.sources[0].from);
    let expected = [
        AssociationFrom::ResourceAttribute,
        AssociationFrom::Connection,
    ];
    assert_eq!(sources.collect::<Vec<_>>(), expected);
    assert_eq!(settings.wait_for_metadata_timeout.as_secs(), 3);
    assert_eq!(settings.pod_delete_grace_period.as_secs(), 60);

    let settings = read("  k8sattributes:");
    let names = settings.extract.metadata.iter().map(|field| field.word());
    let expected = [
        "container.image.name",
        "container.image.tag",
        "k8s.deployment.name",
        "k8s.namespace.name",
        "k8s.node.name",
        "k8s.pod.name",
        "k8s.pod.start_time",
        "k8s.pod.uid",
    ];
    assert_eq!(names.collect::<Vec<_>>(), expected);
    assert_eq!(settings.auth_type, KubernetesAuth::ServiceAccount);
    assert_eq!(settings.wait_for_metadata_timeout.as_secs(), 10);
    assert_eq!(settings.pod_delete_grace_period.as_secs(), 120);
}

/// Scenario: names, sources and filters that there are not, or that exclude each other.
/// Guarantees: each is refused, with what is wrong.
///
/// Conforms: processor `k8s_attributes` | traces, metrics, logs | `auth_type: tls` | not offered: use
/// `serviceAccount` or `kubeConfig`
#[test]
fn mistakes_are_refused() {
    for (block, said) in [
        ("extract: {metadata: [k8s.pod.nam]}", "k8s.pod.name"),
        (
            "extract: {labels: [{key: a, key_regex: b}]}",
            "exclude each other",
        ),
        ("extract: {labels: [{key_regex: '('}]}", "does not compile"),
        ("extract: {labels: [{key: a, from: service}]}", "namespace"),
        (
            "pod_association: [{sources: [{from: resource_attribute}]}]",
            "`name` is missing",
        ),
        (
            "pod_association: [{sources: [{name: a}]}]",
            "`from` is missing",
        ),
        (
            "pod_association: [{sources: [{from: somewhere}]}]",
            "connection",
        ),
        (
            "pod_association: [{sources: [{from: connection}, {from: connection}, {from: connection}, {from: connection}, {from: connection}]}]",
            "may have 4",
        ),
        (
            "pod_association: [{sources: [{from: resource_attribute, name: a}, {from: connection}]}, {sources: [{from: connection}, {from: resource_attribute, name: a}]}]",
            "there twice",
        ),
        ("filter: {labels: [{key: 'a b'}]}", "no key of a label"),
        (
            "filter: {labels: [{key: a, value: 'b,c'}]}",
            "no value of a label",
        ),
        ("filter: {fields: [{key: '', value: b}]}", "no field"),
        ("filter: {fields: [{key: a, op: exists}]}", "not-equals"),
        ("exclude: {pods: [{name: '*'}]}", "does not compile"),
        ("auth_type: tls", "serviceAccount"),
        ("max_objects: 0", "1 to 1000000"),
        ("max_object_bytes: 5", "1024 to 1048576"),
    ] {
        let text = with_processors(&format!("  k8s_attributes: {{{block}}}"), "k8s_attributes");
        assert_error(&load_text(&text), block, said);
    }
}

/// Scenario: options that do nothing here, an association that finds nothing, labels of no key.
/// Guarantees: each is accepted with a warning that says why.
#[test]
fn what_does_nothing_is_said() {
    for (block, said) in [
        ("kube_api_qps: 5", "asked once"),
        ("watch_sync_period: 5m", "did not change"),
        ("pod_association: [{sources: []}]", "hides those after it"),
        ("extract: {labels: [{tag_name: a}]}", "nothing is found"),
        ("context: a", "kubeConfig"),
    ] {
        let text = with_processors(&format!("  k8s_attributes: {{{block}}}"), "k8s_attributes");
        let loaded = load_text(&text);
        assert!(loaded.settings.is_some(), "{block}: {}", loaded.diagnostics);
        let lines = lines(&loaded.diagnostics);
        assert!(
            lines.iter().any(|line| line.contains(said)),
            "{block}: {lines:#?}"
        );
    }
}
