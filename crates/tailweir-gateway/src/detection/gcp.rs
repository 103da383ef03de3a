//! What Google Cloud says of this machine, or of this node of its Kubernetes.

use super::cloud::Cloud;
use super::metadata_service::{MetadataService, Unanswered};
use super::{DetectionError, Found, KUBERNETES, Machine};
use http::StatusCode;
use std::time::Duration;
use tailweir_config::GcpDetector;

/// Where the service is, if not at its usual address: a host, and a port where it is another than 80.
const HOST: &str = "GCE_METADATA_HOST";

/// What is wanted and can be told.
///
/// # Errors
///
/// Nobody answers; or, where that has to be told, something that such a machine has is not there.
pub(super) fn detect(
    settings: &GcpDetector,
    machine: &Machine,
    patience: Duration,
    is_strict: bool,
) -> Result<Found, DetectionError> {
    let mut asking = Asking {
        service: service(machine, patience),
        cloud: Cloud::new("gcp", |name| settings.wants(name)),
        missing: None,
    };
    let project = asking.tell("project/project-id");
    let project = project.map_err(|error| asking.cloud.missing(&error))?;
    asking.cloud.put("cloud.provider", "gcp");
    asking.cloud.put("cloud.account.id", project.trim());
    let location = match machine.variable(KUBERNETES) {
        Some(_) => asking.tell("instance/attributes/cluster-location").ok(),
        None => None,
    };
    match location {
        Some(location) => asking.node(&location),
        // Functions, jobs and apps are no machines.
        None => {
            if let Ok(kind) = asking.tell("instance/machine-type") {
                asking.machine(&kind);
            }
        }
    }
    match asking.missing {
        Some(error) if is_strict => Err(asking.cloud.missing(&error)),
        _ => Ok(asking.cloud.found),
    }
}

fn service(machine: &Machine, patience: Duration) -> MetadataService {
    let host = machine.variable(HOST).map(|host| format!("http://{host}"));
    let base = host.as_deref().unwrap_or(&machine.metadata);
    MetadataService::at(base, patience).with_header("metadata-flavor", "Google")
}

/// Questions to the service, and what came of them.
struct Asking<'a> {
    service: MetadataService,
    cloud: Cloud<'a>,
    /// The first that had no answer.
    missing: Option<Unanswered>,
}

impl Asking<'_> {
    fn tell(&self, what: &str) -> Result<String, Unanswered> {
        self.service.get(&format!("/computeMetadata/v1/{what}"))
    }

    /// The answer to what every such machine knows.
    fn known(&mut self, what: &str) -> String {
        self.tell(what).unwrap_or_else(|error| {
            self.missing.get_or_insert(error);
            String::new()
        })
    }

    fn put(&mut self, attribute: &'static str, what: &str) {
        let told = self.known(what);
        self.cloud.put(attribute, told.trim());
    }

    /// A node of Kubernetes: the cluster is in a zone, or in all zones of a region.
    fn node(&mut self, location: &str) {
        self.cloud.put("cloud.platform", "gcp_kubernetes_engine");
        match location.matches('-').count() {
            1 => self.cloud.put("cloud.region", location),
            _ => self.put_zone(location),
        }
        self.put("k8s.cluster.name", "instance/attributes/cluster-name");
        self.put("host.id", "instance/id");
        // With workload identity nobody is told.
        if let Ok(name) = self.tell("instance/name") {
            self.cloud.put("host.name", name.trim());
        }
    }

    fn machine(&mut self, kind: &str) {
        self.cloud.put("cloud.platform", "gcp_compute_engine");
        let zone = self.known("instance/zone");
        self.put_zone(zone.trim().rsplit('/').next().unwrap_or_default());
        self.cloud.put("host.type", kind);
        self.put("host.id", "instance/id");
        self.put("host.name", "instance/name");
        self.put("gcp.gce.instance.hostname", "instance/hostname");
        self.put("gcp.gce.instance.name", "instance/name");
        match self.tell("instance/attributes/created-by") {
            Ok(creator) => self.put_group(&creator),
            Err(Unanswered::Status {
                status: StatusCode::NOT_FOUND,
                ..
            }) => {}
            Err(error) => drop(self.missing.get_or_insert(error)),
        }
    }

    fn put_zone(&mut self, zone: &str) {
        self.cloud.put("cloud.availability_zone", zone);
        if let Some((region, _)) = zone.rsplit_once('-') {
            self.cloud.put("cloud.region", region);
        }
    }

    /// `projects/PROJECT/zones/ZONE/instanceGroupManagers/NAME`, or the same of a region. Others make machines too.
    fn put_group(&mut self, creator: &str) {
        let parts: Vec<_> = creator.split('/').collect();
        let ["projects", _, kind, place, "instanceGroupManagers", name] = *parts else {
            return;
        };
        match kind {
            "zones" => self.cloud.put("gcp.gce.instance_group_manager.zone", place),
            "regions" => self
                .cloud
                .put("gcp.gce.instance_group_manager.region", place),
            _ => return,
        }
        self.cloud.put("gcp.gce.instance_group_manager.name", name);
    }
}
