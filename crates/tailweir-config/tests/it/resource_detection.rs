//! The `resource_detection` processor.

use crate::workbench::{assert_error, load_text, settings, with_processors};
use tailweir_config::{Detector, HostnameSource, KubernetesAuth, Processor};

/// Scenario: the processor under its old name, as gateways have it; then without any option.
/// Guarantees: every option arrives; what is not written is as in the Collector.
#[test]
fn options_are_read() {
    let block = "  resourcedetection:
    detectors: [env, system, docker]
    timeout: 2s
    override: false
    system: {hostname_sources: [os], resource_attributes: {host.id: {enabled: true}, os.type: {enabled: false}}}";
    let loaded = settings(&with_processors(block, "resourcedetection"));
    let Some(Processor::ResourceDetection(detection)) = loaded.processors.values().next() else {
        panic!("not resource_detection");
    };
    let detectors = [Detector::Environment, Detector::System, Detector::Docker];
    assert_eq!(detection.detectors, detectors);
    assert!(!detection.r#override);
    assert_eq!(detection.timeout.as_secs(), 2);
    assert_eq!(detection.system.hostname_sources, [HostnameSource::Os]);
    let wanted = ["host.id", "host.name", "os.type", "host.ip"];
    assert_eq!(
        wanted.map(|name| detection.system.wants(name)),
        [true, true, false, false]
    );

    let loaded = settings(&with_processors(
        "  resource_detection:",
        "resource_detection",
    ));
    let Some(Processor::ResourceDetection(detection)) = loaded.processors.values().next() else {
        panic!("not resource_detection");
    };
    assert_eq!(detection.detectors, [Detector::Environment]);
    assert!(detection.r#override);
    assert_eq!(detection.timeout.as_secs(), 5);
    let sources = [HostnameSource::Dns, HostnameSource::Os];
    assert_eq!(detection.system.hostname_sources, sources);
}

/// Scenario: detectors of clouds with options that say what is wanted.
/// Guarantees: they arrive; what is wanted where nothing is written is as in the Collector.
#[test]
fn clouds_are_asked_for_what_is_wanted() {
    let block = "  resource_detection:
    detectors: [ec2, azure, aks, gcp]
    ec2: {tags: [^team$], tags_from_imds: true, max_attempts: 3, resource_attributes: {host.id: {enabled: false}}}
    azure: {tags: [cost]}
    aks: {resource_attributes: {k8s.cluster.name: {enabled: true}}}";
    let loaded = settings(&with_processors(block, "resource_detection"));
    let Some(Processor::ResourceDetection(detection)) = loaded.processors.values().next() else {
        panic!("not resource_detection");
    };
    let detectors = [Detector::Ec2, Detector::Azure, Detector::Aks, Detector::Gcp];
    assert_eq!(detection.detectors, detectors);
    assert_eq!(
        (&*detection.ec2.tags, &*detection.azure.tags),
        (&["^team$".to_owned()][..], &["cost".to_owned()][..])
    );
    let wanted = ["host.id", "host.name"].map(|name| detection.ec2.wants(name));
    assert_eq!(wanted, [false, true]);
    let zone = "cloud.availability_zone";
    assert!(!detection.azure.wants(zone) && detection.gcp.wants(zone));
    assert!(
        detection.aks.wants("k8s.cluster.name") && !detection.gcp.wants("gcp.gce.instance.name")
    );
}

/// Scenario: a detector, sources, tags and attributes that there are not, an empty list.
/// Guarantees: each is refused, and what there is is named.
///
/// Conforms: processor `resource_detection` | traces, metrics, logs | other detectors, sources and attributes | not
/// offered: they are refused, and what there is is named
#[test]
fn what_cannot_be_found_is_refused() {
    for (block, said) in [
        ("detectors: [eks]", "did you mean `aks`?"),
        ("detectors: []", "nobody looks"),
        ("system: {hostname_sources: [mdns]}", "lookup"),
        (
            "system: {resource_attributes: {host.nam: {enabled: true}}}",
            "host.name",
        ),
        (
            "docker: {resource_attributes: {container.id: {enabled: true}}}",
            "container.name",
        ),
        ("ec2: {tags: [a]}", "tags_from_imds: true"),
        ("gcp: {labels: [a]}", "Compute API"),
        (
            "aks: {resource_attributes: {host.name: {enabled: true}}}",
            "k8s.cluster.name",
        ),
        (
            "k8s_api: {resource_attributes: {k8s.pod.name: {enabled: true}}}",
            "k8s.node.name",
        ),
        ("k8s_api: {auth_type: tls}", "kubeConfig"),
    ] {
        let text = with_processors(
            &format!("  resource_detection: {{{block}}}"),
            "resource_detection",
        );
        let loaded = load_text(&text);
        assert_error(&loaded, block, said);
    }
}

/// Scenario: the detector of Kubernetes' nodes by both of its names, each with options of its own.
/// Guarantees: the options arrive, an empty variable is the usual one, and the old name runs with advice on what to write.
#[test]
fn the_node_is_detected_by_both_names() {
    let block = "  resourcedetection:
    detectors: [k8s_api, k8snode]
    k8s_api: {auth_type: kubeConfig, context: test, node_from_env_var: ''}
    k8snode: {node_from_env_var: MY_NODE, resource_attributes: {k8s.cluster.uid: {enabled: false}}}";
    let loaded = load_text(&with_processors(block, "resourcedetection"));
    let said: Vec<_> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    assert!(
        said.len() == 1 && said[0].contains("config.yaml:5:") && said[0].contains("`k8s_api`"),
        "{said:?}"
    );
    let settings = loaded.settings.expect("a valid configuration");
    let Some(Processor::ResourceDetection(detection)) = settings.processors.values().next() else {
        panic!("not resource_detection");
    };
    let (api, node) = (&detection.k8s_api, &detection.k8snode);
    assert_eq!(
        detection.detectors,
        [Detector::KubernetesApi, Detector::KubernetesNode]
    );
    assert_eq!(
        (api.auth_type, api.context.as_str()),
        (KubernetesAuth::KubeConfig, "test")
    );
    assert_eq!(node.auth_type, KubernetesAuth::ServiceAccount);
    assert_eq!(
        [&api.node_from_env_var, &node.node_from_env_var],
        ["K8S_NODE_NAME", "MY_NODE"]
    );
    let wanted = ["k8s.cluster.uid", "k8s.node.name", "k8s.node.uid"];
    assert_eq!(wanted.map(|name| api.wants(name)), [true; 3]);
    assert_eq!(wanted.map(|name| node.wants(name)), [false, true, true]);
}
