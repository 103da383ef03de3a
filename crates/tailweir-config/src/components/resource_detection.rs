//! The `resource_detection` processor.

mod clouds;
mod kubernetes;

pub use clouds::{AksDetector, AzureDetector, Ec2Detector, GcpDetector};
pub use kubernetes::KubernetesDetector;

use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::time::Duration;

choice! {
    /// Who finds something out about where this process runs.
    pub enum Detector = Environment {
        /// The variable `OTEL_RESOURCE_ATTRIBUTES`, or else `OTEL_RESOURCE`.
        Environment = "env",
        /// The host and its operating system.
        System = "system",
        /// Docker's daemon, at the Unix socket of `DOCKER_HOST`, or else `/var/run/docker.sock`.
        Docker = "docker",
        /// A machine of Amazon EC2.
        Ec2 = "ec2",
        /// A machine of Azure.
        Azure = "azure",
        /// Azure's Kubernetes.
        Aks = "aks",
        /// A machine of Google Cloud, or a node of its Kubernetes.
        Gcp = "gcp",
        /// The API of Kubernetes, of the node that this process runs on.
        KubernetesApi = "k8s_api",
        /// The same by its name of before, with the options of `k8snode`.
        KubernetesNode = "k8snode",
    }
}

choice! {
    /// Where the name of a host comes from.
    pub enum HostnameSource = Os {
        /// The operating system.
        Os = "os",
        /// The name with its domain: that of the hosts file, or else of the resolver.
        Dns = "dns",
        /// The canonical name of the resolver.
        Cname = "cname",
        /// The name that the resolver has for an address of the host.
        Lookup = "lookup",
    }
}

settings! {
    /// Adds to every resource what is found out about where this process runs. It is found out at start and when the
    /// configuration is read again.
    pub struct ResourceDetection {
        /// Who looks, in this order. Of what several find the first counts.
        detectors: Vec<Detector> = vec![Detector::Environment],
        /// Whether what is found wins over an attribute that is there.
        r#override: bool = true,
        /// Time for all of it; later the processor does not start. Zero: no limit.
        timeout: Duration = Duration::from_secs(5),
        /// The detector `system`.
        system: SystemDetector = SystemDetector::default(),
        /// The detector `docker`.
        docker: DockerDetector = DockerDetector::default(),
        /// The detector `ec2`.
        ec2: Ec2Detector = Ec2Detector::default(),
        /// The detector `azure`.
        azure: AzureDetector = AzureDetector::default(),
        /// The detector `aks`.
        aks: AksDetector = AksDetector::default(),
        /// The detector `gcp`.
        gcp: GcpDetector = GcpDetector::default(),
        /// The detector `k8s_api`.
        k8s_api: KubernetesDetector = KubernetesDetector::default(),
        /// The detector `k8snode`.
        k8snode: KubernetesDetector = KubernetesDetector::default(),
        /// Do not start when Docker's daemon, the API of Kubernetes or the metadata service of a cloud does not answer. Else nothing is found then.
        fail_on_missing_metadata: bool = false,
    }
    ignored {
        "refresh_interval": Duration = "what these detectors find is looked for at start and when the configuration is read again",
        "retry": Json = "each detector asks once; with `fail_on_missing_metadata` the process does not start, and whoever starts it tries again",
    }
    rules resource_detection_rules;
}

fn resource_detection_rules(
    detection: &mut ResourceDetection,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    if detection.detectors.is_empty() {
        let text = "nobody looks: `detectors` is empty";
        report.error_at(
            block.at("detectors"),
            Cause::Missing,
            text,
            "write `detectors: [env]`",
        );
    }
    if detection.detectors.contains(&Detector::KubernetesNode) {
        let text = "the detector `k8snode` is called `k8s_api` today";
        report.advise_at(block.at("detectors"), text, "rename it, and its block");
    }
}

settings! {
    /// What is found out about the host.
    pub struct SystemDetector {
        /// Where the name of the host comes from: the first that gives one.
        hostname_sources: Vec<HostnameSource> = vec![HostnameSource::Dns, HostnameSource::Os],
        /// Which attributes are wanted, by name: `host.name` and `os.type` unless written otherwise.
        resource_attributes: BTreeMap<String, AttributeSwitch> = BTreeMap::new(),
    }
    rules system_detector_rules;
}

settings! {
    /// What is found out from Docker's daemon.
    pub struct DockerDetector {
        /// Which attributes are wanted, by name: `host.name` and `os.type` unless written otherwise.
        resource_attributes: BTreeMap<String, AttributeSwitch> = BTreeMap::new(),
    }
    rules attribute_rules;
}

settings! {
    /// Whether an attribute is wanted.
    pub struct AttributeSwitch {
        /// Absent: as without this block.
        enabled: Option<bool> = None,
    }
}

/// The attributes of the detector `system`, and whether they are wanted where nothing is written.
const SYSTEM_ATTRIBUTES: [(&str, bool); 17] = [
    ("host.arch", false),
    ("host.cpu.cache.l2.size", false),
    ("host.cpu.family", false),
    ("host.cpu.model.id", false),
    ("host.cpu.model.name", false),
    ("host.cpu.stepping", false),
    ("host.cpu.vendor.id", false),
    ("host.id", false),
    ("host.interface", false),
    ("host.ip", false),
    ("host.mac", false),
    ("host.name", true),
    ("os.build.id", false),
    ("os.description", false),
    ("os.name", false),
    ("os.type", true),
    ("os.version", false),
];

/// The same of the detector `docker`.
const DOCKER_ATTRIBUTES: [(&str, bool); 4] = [
    ("container.image.name", false),
    ("container.name", false),
    ("host.name", true),
    ("os.type", true),
];

fn system_detector_rules(
    detector: &mut SystemDetector,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    if detector.hostname_sources.is_empty() {
        detector.hostname_sources = SystemDetector::default().hostname_sources;
    }
    attribute_rules(detector, block, report);
}

/// A detector whose attributes can be asked for one by one.
trait Attributes {
    /// Its attributes, and whether they are wanted where nothing is written.
    const ALL: &'static [(&'static str, bool)];

    /// What is written about them.
    fn written(&self) -> &BTreeMap<String, AttributeSwitch>;

    fn is_wanted(&self, attribute: &str) -> bool {
        let written = self.written().get(attribute);
        let mut known = Self::ALL.iter();
        written
            .and_then(|switch| switch.enabled)
            .unwrap_or_else(|| known.any(|(name, wanted)| *name == attribute && *wanted))
    }
}

fn attribute_rules<D: Attributes>(detector: &mut D, block: &mut Block<'_>, report: &mut Report) {
    let known: Vec<_> = D::ALL.iter().map(|(name, _)| *name).collect();
    for name in detector.written().keys() {
        if !known.contains(&name.as_str()) {
            let place = block.at("resource_attributes");
            report.unknown_name(place, Cause::NotAllowed, "attribute", name, &known);
        }
    }
}

/// Says which attributes detectors have, and lets them be asked for.
macro_rules! attributes {
    ($($detector:ident = $all:expr,)*) => {
        $(
            impl $crate::components::resource_detection::Attributes for $detector {
                const ALL: &'static [(&'static str, bool)] = $all;

                fn written(&self) -> &std::collections::BTreeMap<String, $crate::AttributeSwitch> {
                    &self.resource_attributes
                }
            }

            impl $detector {
                /// Whether an attribute is wanted.
                #[must_use]
                pub fn wants(&self, attribute: &str) -> bool {
                    $crate::components::resource_detection::Attributes::is_wanted(self, attribute)
                }
            }
        )*
    };
}
use attributes;

attributes! {
    SystemDetector = &SYSTEM_ATTRIBUTES,
    DockerDetector = &DOCKER_ATTRIBUTES,
}
