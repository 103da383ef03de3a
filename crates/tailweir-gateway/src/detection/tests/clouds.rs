//! Detectors of clouds, with metadata services that say what those of the clouds do.

use super::{asking, shown, wanted};
use crate::detection::{DetectionError, Machine, detect};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use tailweir_config::{Detector, ResourceDetection};

/// A question: its method and path, and a header that it must bear.
type Question = (&'static str, Option<&'static str>);

/// A metadata service with these answers, for as long as the test runs. To everything else it has none.
fn service(answers: &[(Question, &str)]) -> Machine {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answers: BTreeMap<String, (Option<&str>, String)> = answers
        .iter()
        .map(|((line, header), answer)| ((*line).to_owned(), (*header, (*answer).to_owned())))
        .collect();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut lines = BufReader::new(&stream).lines();
            let lines: Vec<String> = std::iter::from_fn(|| lines.next()?.ok())
                .take_while(|line| !line.is_empty())
                .collect();
            let line = lines[0].trim_end_matches(" HTTP/1.1");
            let bears = |header: &str| lines.iter().any(|line| line == header);
            let answer = answers.get(line);
            let answer = answer.filter(|(header, _)| header.is_none_or(bears));
            let (status, body) = match answer {
                Some((_, body)) => ("200 OK", body.as_str()),
                None => ("404 Not Found", "no"),
            };
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            )
            .expect("an answer");
        }
    });
    Machine {
        root: PathBuf::from("/nowhere"),
        metadata: format!("http://{address}/"),
        variables: BTreeMap::new(),
    }
}

/// A machine where nobody answers.
fn nowhere() -> Machine {
    Machine {
        root: PathBuf::from("/nowhere"),
        metadata: "http://127.0.0.1:1".to_owned(),
        variables: BTreeMap::new(),
    }
}

const IDENTITY: &str = r#"{
    "accountId": "123456789012", "availabilityZone": "eu-west-1b", "imageId": "ami-1", "instanceId": "i-1",
    "instanceType": "c7g.large", "region": "eu-west-1", "privateIp": "10.0.0.7"
}"#;
const TOKEN: Option<&str> = Some("x-aws-ec2-metadata-token: secret");

/// A machine of EC2 that allows tags, and wants a token for each question.
fn ec2() -> Machine {
    service(&[
        (
            (
                "PUT /latest/api/token",
                Some("x-aws-ec2-metadata-token-ttl-seconds: 60"),
            ),
            "secret",
        ),
        (("GET /latest/meta-data/instance-id", TOKEN), "i-1"),
        (
            ("GET /latest/dynamic/instance-identity/document", TOKEN),
            IDENTITY,
        ),
        (("GET /latest/meta-data/hostname", TOKEN), "ip-10-0-0-7"),
        (
            ("GET /latest/meta-data/tags/instance", TOKEN),
            "team\nTeamLead\ncost",
        ),
        (("GET /latest/meta-data/tags/instance/team", TOKEN), "shop"),
    ])
}

/// Scenario: a machine of EC2; one attribute is switched off, tags are wanted by a pattern, one of them has no value.
/// Guarantees: all that is wanted is found, with the token that the service gives; the tag without a value is left out.
///
/// Conforms: processor `resource_detection` | traces, metrics, logs | `detectors: [ec2]`, `tags` with
/// `tags_from_imds: true` | same
#[test]
fn a_machine_of_ec2_is_known() {
    let mut settings = asking(&[Detector::Ec2]);
    settings.ec2.tags = vec!["^(?i)team".to_owned()];
    settings.ec2.tags_from_imds = true;
    settings.ec2.resource_attributes = wanted(&["host.name"]);
    let image = settings
        .ec2
        .resource_attributes
        .entry("host.image.id".to_owned());
    image.or_default().enabled = Some(false);
    let found = detect(&settings, &ec2()).unwrap();
    assert_eq!(
        shown(&found),
        [
            "cloud.provider=aws",
            "cloud.platform=aws_ec2",
            "cloud.region=eu-west-1",
            "cloud.account.id=123456789012",
            "cloud.availability_zone=eu-west-1b",
            "host.id=i-1",
            "host.type=c7g.large",
            "host.name=ip-10-0-0-7",
            "ec2.tag.team=shop",
        ]
    );
}

/// Scenario: a service of version 1, which gives no token, at an address that a variable names; then one that is switched off.
/// Guarantees: it is asked without a token; nobody is asked.
#[test]
fn variables_say_where_ec2_is_asked() {
    let first = service(&[
        (("GET /latest/meta-data/instance-id", None), "i-1"),
        (
            ("GET /latest/dynamic/instance-identity/document", None),
            IDENTITY,
        ),
        (("GET /latest/meta-data/hostname", None), "ip-10-0-0-7"),
    ]);
    let mut machine = nowhere();
    let endpoint = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", first.metadata);
    machine.variables.extend([endpoint]);
    let settings = asking(&[Detector::Ec2]);
    assert_eq!(detect(&settings, &machine).unwrap().len(), 9);
    let disabled = ("AWS_EC2_METADATA_DISABLED", "true".to_owned());
    machine.variables.extend([disabled]);
    assert!(detect(&settings, &machine).unwrap().is_empty());
}

const COMPUTE: &str = r#"{
    "location": "westeurope", "name": "vm-7", "osProfile": {"computerName": ""}, "resourceGroupName": "MC_group_shop_westeurope",
    "subscriptionId": "sub-1", "tagsList": [{"name": "team", "value": "shop"}, {"name": "cost", "value": "1"}],
    "vmId": "id-7", "vmScaleSetName": "", "vmSize": "Standard_D2", "zone": "2"
}"#;

fn azure() -> Machine {
    let question = "GET /metadata/instance/compute?api-version=2020-09-01&format=json";
    service(&[((question, Some("metadata: true")), COMPUTE)])
}

/// Scenario: a machine of Azure without a name of its own, with tags; the same in Azure's Kubernetes.
/// Guarantees: what is wanted is found, what is empty is left out; the cluster is that of its group, where it is wanted.
///
/// Conforms: processor `resource_detection` | traces, metrics, logs | `detectors: [azure, aks]` with `tags` | same
#[test]
fn a_machine_of_azure_is_known() {
    let mut settings = asking(&[Detector::Azure]);
    settings.azure.tags = vec!["^team$".to_owned()];
    let found = detect(&settings, &azure()).unwrap();
    assert_eq!(
        shown(&found),
        [
            "cloud.provider=azure",
            "cloud.platform=azure_vm",
            "host.name=vm-7",
            "cloud.region=westeurope",
            "host.id=id-7",
            "cloud.account.id=sub-1",
            "azure.vm.name=vm-7",
            "azure.vm.size=Standard_D2",
            "azure.resourcegroup.name=MC_group_shop_westeurope",
            "azure.tag.team=shop",
        ]
    );
    let mut settings = asking(&[Detector::Aks]);
    settings.aks.resource_attributes = wanted(&["k8s.cluster.name"]);
    let mut machine = azure();
    assert!(detect(&settings, &machine).unwrap().is_empty());
    in_kubernetes(&mut machine);
    let found = detect(&settings, &machine).unwrap();
    assert_eq!(
        shown(&found),
        [
            "cloud.provider=azure",
            "cloud.platform=azure_aks",
            "k8s.cluster.name=shop"
        ]
    );
}

fn in_kubernetes(machine: &mut Machine) {
    let service = ("KUBERNETES_SERVICE_HOST", "10.0.0.1".to_owned());
    machine.variables.extend([service]);
}

const GOOGLE: Option<&str> = Some("metadata-flavor: Google");

/// Scenario: a machine of Google Cloud that a group made; it has no name of its own.
/// Guarantees: what is there is found; what every machine has and this one has not stops the start where that is wanted.
///
/// Conforms: processor `resource_detection` | traces, metrics, logs | `detectors: [gcp]` on machines | same
#[test]
fn a_machine_of_google_is_known() {
    let path = |path: &'static str| (path, GOOGLE);
    let machine = service(&[
        (path("GET /computeMetadata/v1/project/project-id"), "shop-1"),
        (
            path("GET /computeMetadata/v1/instance/machine-type"),
            "projects/7/machineTypes/e2-medium",
        ),
        (
            path("GET /computeMetadata/v1/instance/zone"),
            "projects/7/zones/europe-west1-b",
        ),
        (path("GET /computeMetadata/v1/instance/id"), "4711\n"),
        (
            path("GET /computeMetadata/v1/instance/hostname"),
            "vm.c.shop-1.internal",
        ),
        (
            path("GET /computeMetadata/v1/instance/attributes/created-by"),
            "projects/7/regions/europe-west1/instanceGroupManagers/web",
        ),
    ]);
    let mut settings = asking(&[Detector::Gcp]);
    settings.gcp.resource_attributes = wanted(&["gcp.gce.instance.hostname"]);
    let found = detect(&settings, &machine).unwrap();
    assert_eq!(
        shown(&found),
        [
            "cloud.provider=gcp",
            "cloud.account.id=shop-1",
            "cloud.platform=gcp_compute_engine",
            "cloud.availability_zone=europe-west1-b",
            "cloud.region=europe-west1",
            "host.type=projects/7/machineTypes/e2-medium",
            "host.id=4711",
            "gcp.gce.instance.hostname=vm.c.shop-1.internal",
            "gcp.gce.instance_group_manager.region=europe-west1",
            "gcp.gce.instance_group_manager.name=web",
        ]
    );
    settings.fail_on_missing_metadata = true;
    let error = detect(&settings, &machine).unwrap_err().to_string();
    assert!(error.contains("instance/name: 404"), "{error}");
}

/// Scenario: a node of Google's Kubernetes in a region, and one in a zone, found where a variable says.
/// Guarantees: the place is that of the cluster.
///
/// Conforms: processor `resource_detection` | traces, metrics, logs | `detectors: [gcp]` on nodes of Kubernetes |
/// same
#[test]
fn a_node_of_google_is_known() {
    for (location, place) in [
        ("europe-west1", &["cloud.region=europe-west1"][..]),
        (
            "europe-west1-b",
            &[
                "cloud.availability_zone=europe-west1-b",
                "cloud.region=europe-west1",
            ],
        ),
    ] {
        let path = |path: &'static str| (path, GOOGLE);
        let there = service(&[
            (path("GET /computeMetadata/v1/project/project-id"), "shop-1"),
            (
                path("GET /computeMetadata/v1/instance/attributes/cluster-location"),
                location,
            ),
            (
                path("GET /computeMetadata/v1/instance/attributes/cluster-name"),
                "shop",
            ),
            (path("GET /computeMetadata/v1/instance/id"), "4711"),
        ]);
        let mut machine = nowhere();
        in_kubernetes(&mut machine);
        let host = there.metadata.trim_start_matches("http://").to_owned();
        machine.variables.extend([("GCE_METADATA_HOST", host)]);
        let found = detect(&asking(&[Detector::Gcp]), &machine).unwrap();
        let mut expected = vec![
            "cloud.provider=gcp",
            "cloud.account.id=shop-1",
            "cloud.platform=gcp_kubernetes_engine",
        ];
        expected.extend(place);
        expected.extend(["k8s.cluster.name=shop", "host.id=4711"]);
        assert_eq!(shown(&found), expected);
    }
}

/// Scenario: all clouds are asked, and there is none; then that has to be told, in general or for one.
/// Guarantees: nothing is found; the start stops, and says who was asked and where.
#[test]
fn a_machine_may_be_in_no_cloud() {
    let all = [Detector::Ec2, Detector::Azure, Detector::Aks, Detector::Gcp];
    assert!(detect(&asking(&all), &nowhere()).unwrap().is_empty());
    for detector in [Detector::Ec2, Detector::Azure, Detector::Gcp] {
        let settings = ResourceDetection {
            fail_on_missing_metadata: true,
            ..asking(&[detector])
        };
        let error = detect(&settings, &nowhere()).unwrap_err();
        assert!(matches!(error, DetectionError::NoCloud { .. }));
        assert!(error.to_string().contains("http://127.0.0.1:1/"), "{error}");
    }
    let mut settings = asking(&[Detector::Ec2]);
    settings.ec2.fail_on_missing_metadata = true;
    assert!(detect(&settings, &nowhere()).is_err());
}

/// Scenario: a service that takes connections and never answers, with little time for all.
/// Guarantees: it is given up in time for the detectors behind it.
///
/// Conforms: processor `resource_detection` | traces, metrics, logs | `timeout` | better: a service that is silent
/// leaves time for the detectors behind it
#[test]
fn a_silent_service_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let machine = Machine {
        metadata: format!("http://{}", listener.local_addr().unwrap()),
        ..nowhere()
    };
    let mut settings = asking(&[Detector::Azure, Detector::Environment]);
    settings.timeout = std::time::Duration::from_secs(3);
    assert!(detect(&settings, &machine).unwrap().is_empty());
    settings.fail_on_missing_metadata = true;
    let error = detect(&settings, &machine).unwrap_err().to_string();
    assert!(error.contains("no answer in 1s"), "{error}");
}

/// Scenario: a service that answers with something else.
/// Guarantees: it is no cloud's; where it begins like one, the start stops.
#[test]
fn nonsense_is_no_cloud() {
    let question = "GET /metadata/instance/compute?api-version=2020-09-01&format=json";
    let machine = service(&[((question, None), "<html>")]);
    assert!(
        detect(&asking(&[Detector::Azure]), &machine)
            .unwrap()
            .is_empty()
    );
    let machine = service(&[(("GET /latest/meta-data/instance-id", None), "i-1")]);
    let error = detect(&asking(&[Detector::Ec2]), &machine).unwrap_err();
    assert!(matches!(error, DetectionError::Cloud { .. }), "{error}");
    let mut settings = asking(&[Detector::Azure]);
    settings.azure.tags = vec!["(".to_owned()];
    let error = detect(&settings, &nowhere()).unwrap_err();
    assert!(matches!(error, DetectionError::Pattern(_)), "{error}");
}
