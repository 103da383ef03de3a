//! What Amazon EC2 says of this machine.

use super::cloud::{Cloud, Tags};
use super::metadata_service::{MetadataService, Unanswered};
use super::{DetectionError, Found, Machine};
use serde_json::Value;
use std::time::Duration;
use tailweir_config::Ec2Detector;

/// Where the service is, if not at its usual address.
const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";
/// How long a token is good for, in seconds. It is used at once.
const TOKEN_LIFE: &str = "60";

/// What is wanted and can be told.
///
/// # Errors
///
/// Nobody answers; or who does has no answer to what every machine of EC2 knows.
pub(super) fn detect(
    settings: &Ec2Detector,
    machine: &Machine,
    patience: Duration,
) -> Result<Found, DetectionError> {
    let mut cloud = Cloud::new("ec2", |name| settings.wants(name));
    let tags = Tags::of("ec2.tag.", &settings.tags)?;
    if machine.variable(DISABLED) == Some("true") {
        return Err(cloud.missing(&format!("{DISABLED} is set")));
    }
    let service = service(machine, patience).map_err(|error| cloud.missing(&error))?;
    let metadata = |path: &str| service.get(&format!("/latest/meta-data/{path}"));
    metadata("instance-id").map_err(|error| cloud.missing(&error))?;

    let document = service.get("/latest/dynamic/instance-identity/document");
    let document = document.map_err(|error| cloud.failed(&error))?;
    let document: Value = serde_json::from_str(&document).map_err(|error| cloud.failed(&error))?;
    let name = metadata("hostname").map_err(|error| cloud.failed(&error))?;
    cloud.put("cloud.provider", "aws");
    cloud.put("cloud.platform", "aws_ec2");
    cloud.put_json("cloud.region", &document["region"]);
    cloud.put_json("cloud.account.id", &document["accountId"]);
    cloud.put_json("cloud.availability_zone", &document["availabilityZone"]);
    cloud.put_json("host.id", &document["instanceId"]);
    cloud.put_json("host.image.id", &document["imageId"]);
    cloud.put_json("host.type", &document["instanceType"]);
    cloud.put("host.name", &name);
    if !tags.is_empty() {
        match metadata("tags/instance") {
            Ok(names) => {
                for name in names.lines().map(str::trim).filter(|name| tags.want(name)) {
                    match metadata(&format!("tags/instance/{name}")) {
                        Ok(value) => cloud.put_tag(&tags, name, &value),
                        Err(error) => tracing::warn!(%error, "a tag of the machine is not told"),
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "tags of the machine are not told"),
        }
    }
    Ok(cloud.found)
}

/// The service with a token, where it gives any: version 1 does not.
fn service(machine: &Machine, patience: Duration) -> Result<MetadataService, Unanswered> {
    let base = machine.variable(ENDPOINT).unwrap_or(&machine.metadata);
    let asking = MetadataService::at(base, patience)
        .with_header("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_LIFE);
    let service = MetadataService::at(base, patience);
    match asking.put("/latest/api/token") {
        Ok(token) => Ok(service.with_header("x-aws-ec2-metadata-token", &token)),
        Err(Unanswered::Status { .. }) => Ok(service),
        Err(failed) => Err(failed),
    }
}
