//! What Azure says of this machine, and of its Kubernetes.

use super::cloud::{Cloud, Tags};
use super::metadata_service::MetadataService;
use super::{DetectionError, Found, KUBERNETES, Machine};
use serde_json::Value;
use std::fmt::Display;
use std::time::Duration;
use tailweir_config::{AksDetector, AzureDetector};

const COMPUTE: &str = "/metadata/instance/compute?api-version=2020-09-01&format=json";

/// What is wanted of the machine and can be told.
///
/// # Errors
///
/// Nobody answers.
pub(super) fn detect(
    settings: &AzureDetector,
    machine: &Machine,
    patience: Duration,
) -> Result<Found, DetectionError> {
    let mut cloud = Cloud::new("azure", |name| settings.wants(name));
    let tags = Tags::of("azure.tag.", &settings.tags)?;
    let compute = compute(machine, patience).map_err(|error| cloud.missing(&error))?;
    cloud.put("cloud.provider", "azure");
    cloud.put("cloud.platform", "azure_vm");
    // Machines that are made of a prepared disk have no name of their own.
    cloud.put_json("host.name", &compute["osProfile"]["computerName"]);
    if !cloud.has("host.name") {
        cloud.put_json("host.name", &compute["name"]);
    }
    cloud.put_json("cloud.region", &compute["location"]);
    cloud.put_json("host.id", &compute["vmId"]);
    cloud.put_json("cloud.account.id", &compute["subscriptionId"]);
    cloud.put_json("cloud.availability_zone", &compute["zone"]);
    cloud.put_json("azure.vm.name", &compute["name"]);
    cloud.put_json("azure.vm.size", &compute["vmSize"]);
    cloud.put_json("azure.vm.scaleset.name", &compute["vmScaleSetName"]);
    cloud.put_json("azure.resourcegroup.name", &compute["resourceGroupName"]);
    for tag in compute["tagsList"].as_array().into_iter().flatten() {
        if let (Some(name), Some(value)) = (tag["name"].as_str(), tag["value"].as_str()) {
            cloud.put_tag(&tags, name, value);
        }
    }
    Ok(cloud.found)
}

/// What is wanted of its Kubernetes and can be told. Outside of Kubernetes that is nothing.
///
/// # Errors
///
/// Nobody answers.
pub(super) fn detect_kubernetes(
    settings: &AksDetector,
    machine: &Machine,
    patience: Duration,
) -> Result<Found, DetectionError> {
    let mut cloud = Cloud::new("aks", |name| settings.wants(name));
    if machine.variable(KUBERNETES).is_none() {
        return Ok(cloud.found);
    }
    let compute = compute(machine, patience).map_err(|error| cloud.missing(&error))?;
    cloud.put("cloud.provider", "azure");
    cloud.put("cloud.platform", "azure_aks");
    let group = compute["resourceGroupName"].as_str().unwrap_or_default();
    cloud.put("k8s.cluster.name", cluster_of(group));
    Ok(cloud.found)
}

fn compute(machine: &Machine, patience: Duration) -> Result<Value, Box<dyn Display>> {
    let service = MetadataService::at(&machine.metadata, patience).with_header("metadata", "true");
    let told = service.get(COMPUTE);
    let told = told.map_err(|error| Box::new(error) as Box<dyn Display>)?;
    serde_json::from_str(&told).map_err(|error| Box::new(error) as Box<dyn Display>)
}

/// The cluster whose machines are in this group: `MC_GROUP_CLUSTER_REGION`, unless it was given a name of its own, which
/// no other cluster has.
fn cluster_of(group: &str) -> &str {
    let parts: Vec<_> = group.split('_').collect();
    match parts.as_slice() {
        [made, _, cluster, _] if made.eq_ignore_ascii_case("mc") => cluster,
        _ => group,
    }
}

#[cfg(test)]
mod tests {
    use super::cluster_of;

    /// Scenario: groups that Azure names, and groups with names of their own.
    /// Guarantees: the first tell the cluster, the others stand for it.
    #[test]
    fn a_group_tells_its_cluster() {
        assert_eq!(cluster_of("MC_group_shop_eastus"), "shop");
        assert_eq!(cluster_of("mc_my-group_my-shop_west"), "my-shop");
        assert_eq!(
            cluster_of("MC_my_group_shop_eastus"),
            "MC_my_group_shop_eastus"
        );
        assert_eq!(cluster_of("machines-of-shop"), "machines-of-shop");
    }
}
