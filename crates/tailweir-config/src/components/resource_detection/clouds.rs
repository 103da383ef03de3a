//! Detectors that ask the metadata service of a cloud.

use super::{AttributeSwitch, attribute_rules, attributes};
use crate::report::{Cause, Report};
use crate::setting::{Block, settings};
use std::collections::BTreeMap;
use std::time::Duration;

settings! {
    /// What Amazon EC2 says of the machine, in version 2 of its metadata service or else in version 1. It is asked where the variable
    /// `AWS_EC2_METADATA_SERVICE_ENDPOINT` says, and not with `AWS_EC2_METADATA_DISABLED=true`.
    pub struct Ec2Detector {
        /// Tags that become attributes `ec2.tag.NAME`: regular expressions, of which one has to match the name.
        tags: Vec<String> = Vec::new(),
        /// Tags are those of the metadata service, which shows them where the instance allows it (`InstanceMetadataTags`).
        tags_from_imds: bool = false,
        /// Do not start when the metadata service does not answer.
        fail_on_missing_metadata: bool = false,
        /// Which attributes are wanted, by name: all unless written otherwise.
        resource_attributes: BTreeMap<String, AttributeSwitch> = BTreeMap::new(),
    }
    ignored {
        "max_attempts": i64 = "the metadata service is asked once",
        "max_backoff": Duration = "the metadata service is asked once",
    }
    rules ec2_detector_rules;
}

settings! {
    /// What Azure says of the machine.
    pub struct AzureDetector {
        /// Tags that become attributes `azure.tag.NAME`: regular expressions, of which one has to match the name.
        tags: Vec<String> = Vec::new(),
        /// Which attributes are wanted, by name: all but `cloud.availability_zone` unless written otherwise.
        resource_attributes: BTreeMap<String, AttributeSwitch> = BTreeMap::new(),
    }
    rules attribute_rules;
}

settings! {
    /// What Azure says of its Kubernetes.
    pub struct AksDetector {
        /// Which attributes are wanted, by name: all but `k8s.cluster.name` unless written otherwise.
        resource_attributes: BTreeMap<String, AttributeSwitch> = BTreeMap::new(),
    }
    rules attribute_rules;
}

settings! {
    /// What Google Cloud says of the machine, or of the node of its Kubernetes. It is asked where the variable `GCE_METADATA_HOST` says.
    pub struct GcpDetector {
        /// Which attributes are wanted, by name: all but the names of the instance unless written otherwise.
        resource_attributes: BTreeMap<String, AttributeSwitch> = BTreeMap::new(),
    }
    refused {
        "labels" = "labels are told by the Compute API, which is not asked",
    }
    rules attribute_rules;
}

attributes! {
    Ec2Detector = &[
        ("cloud.account.id", true),
        ("cloud.availability_zone", true),
        ("cloud.platform", true),
        ("cloud.provider", true),
        ("cloud.region", true),
        ("host.id", true),
        ("host.image.id", true),
        ("host.name", true),
        ("host.type", true),
    ],
    AzureDetector = &[
        ("azure.resourcegroup.name", true),
        ("azure.vm.name", true),
        ("azure.vm.scaleset.name", true),
        ("azure.vm.size", true),
        ("cloud.account.id", true),
        ("cloud.availability_zone", false),
        ("cloud.platform", true),
        ("cloud.provider", true),
        ("cloud.region", true),
        ("host.id", true),
        ("host.name", true),
    ],
    AksDetector = &[
        ("cloud.platform", true),
        ("cloud.provider", true),
        ("k8s.cluster.name", false),
    ],
    // Those of functions and jobs are known, so that they can be switched, and never found.
    GcpDetector = &[
        ("cloud.account.id", true),
        ("cloud.availability_zone", true),
        ("cloud.platform", true),
        ("cloud.provider", true),
        ("cloud.region", true),
        ("faas.instance", true),
        ("faas.name", true),
        ("faas.version", true),
        ("gcp.cloud_run.job.execution", true),
        ("gcp.cloud_run.job.task_index", true),
        ("gcp.gce.instance.hostname", false),
        ("gcp.gce.instance.name", false),
        ("gcp.gce.instance_group_manager.name", true),
        ("gcp.gce.instance_group_manager.region", true),
        ("gcp.gce.instance_group_manager.zone", true),
        ("host.id", true),
        ("host.name", true),
        ("host.type", true),
        ("k8s.cluster.name", true),
    ],
}

fn ec2_detector_rules(detector: &mut Ec2Detector, block: &mut Block<'_>, report: &mut Report) {
    attribute_rules(detector, block, report);
    if !detector.tags.is_empty() && !detector.tags_from_imds {
        report.error_at(
            block.at("tags"),
            Cause::NotAllowed,
            "the EC2 API is not asked for tags",
            "add `tags_from_imds: true`, and allow tags in the metadata of the instance",
        );
    }
}
