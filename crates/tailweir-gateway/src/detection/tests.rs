//! Detectors on machines that are folders.

mod clouds;

use super::{DetectionError, Found, Machine, detect};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use tailweir_config::{
    AttributeSwitch, Detector, DockerDetector, HostnameSource, ResourceDetection, SystemDetector,
};
use tailweir_otlp::AnyValue;
use tempfile::TempDir;

/// A machine with these files and this variable.
fn machine(files: &[(&str, &str)], attributes: Option<&str>) -> (TempDir, Machine) {
    let root = tempfile::tempdir().expect("a folder");
    for (path, content) in files {
        let path = root.path().join(path);
        let folder = path.parent().expect("a folder");
        std::fs::create_dir_all(folder).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }
    let machine = Machine {
        root: root.path().to_owned(),
        metadata: "http://127.0.0.1:1".to_owned(),
        variables: attributes
            .map(|list| ("OTEL_RESOURCE_ATTRIBUTES", list.to_owned()))
            .into_iter()
            .collect(),
    };
    (root, machine)
}

fn asking(detectors: &[Detector]) -> ResourceDetection {
    ResourceDetection {
        detectors: detectors.to_vec(),
        ..ResourceDetection::default()
    }
}

fn wanted(names: &[&str]) -> BTreeMap<String, AttributeSwitch> {
    let on = |name: &&str| {
        (
            (*name).to_owned(),
            AttributeSwitch {
                enabled: Some(true),
            },
        )
    };
    names.iter().map(on).collect()
}

/// What was found, as text.
fn shown(found: &Found) -> Vec<String> {
    let value = |value: AnyValue<'_>| match value {
        AnyValue::String(text) => String::from_utf8_lossy(text).into_owned(),
        other => format!("{other:?}"),
    };
    let shown = found.iter();
    shown
        .map(|(key, found)| format!("{key}={}", value(found.view())))
        .collect()
}

/// Scenario: the variable with spaces, encoded and repeated entries; then lists that are none.
/// Guarantees: each entry is an attribute, the last of a name counts; what is no list stops the start.
///
/// Conforms: processor `resource_detection` | traces, metrics, logs | `detectors: [env]` | same
#[test]
fn the_variable_is_read() {
    let written = " service.name = shop , a=b%20c+d,a=x%2Cy,empty=,";
    let (_root, found) = machine(&[], Some(written));
    let found = detect(&asking(&[Detector::Environment]), &found).unwrap();
    assert_eq!(shown(&found), ["service.name=shop", "a=x,y", "empty="]);
    for wrong in ["shop", "a=b,c", "=b", "a=%zz", "a=\u{e4}"] {
        let (_root, found) = machine(&[], Some(wrong));
        let found = detect(&asking(&[Detector::Environment]), &found);
        assert!(
            matches!(found, Err(DetectionError::Variable { .. })),
            "{wrong}"
        );
    }
    let (_root, none) = machine(&[], None);
    let found = detect(&asking(&[Detector::Environment]), &none).unwrap();
    assert!(found.is_empty());
}

const FILES: &[(&str, &str)] = &[
    ("proc/sys/kernel/hostname", "node-1\n"),
    ("proc/sys/kernel/ostype", "Linux\n"),
    ("proc/sys/kernel/osrelease", "6.1.0\n"),
    ("proc/sys/kernel/version", "#1 SMP\n"),
    (
        "proc/cpuinfo",
        "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: Xeon\nstepping\t: 7\ncache size\t: 1024 KB\n\nprocessor\t: 1\nvendor_id\t: Other\n",
    ),
    (
        "etc/hosts",
        "127.0.0.1 localhost\n# 10.0.0.2 node-1\n10.0.0.1 node-1.example.org node-1\n",
    ),
    ("etc/machine-id", "abc123\n"),
    (
        "etc/os-release",
        "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\nVERSION_ID=\"12\"\n",
    ),
    ("etc/debian_version", "12.5\n"),
    ("sys/class/net/lo/ifindex", "1"),
    ("sys/class/net/lo/flags", "0x9"),
    ("sys/class/net/lo/address", "00:00:00:00:00:00"),
    ("sys/class/net/eth0/ifindex", "2"),
    ("sys/class/net/eth0/flags", "0x1003"),
    ("sys/class/net/eth0/address", "de:ad:be:ef:00:01"),
];

/// Scenario: a host, asked for what is found without a word of the configuration.
/// Guarantees: its name, with its domain, and the type of its system; nothing else.
#[test]
fn a_host_is_found_by_its_name() {
    let (_root, host) = machine(FILES, None);
    let found = detect(&asking(&[Detector::System]), &host).unwrap();
    assert_eq!(
        shown(&found),
        ["host.name=node-1.example.org", "os.type=linux"]
    );
    let mut settings = asking(&[Detector::System]);
    settings.system.hostname_sources = vec![HostnameSource::Os];
    let found = detect(&settings, &host).unwrap();
    assert_eq!(shown(&found)[0], "host.name=node-1");
}

/// Scenario: a host, asked for all of it but its name.
/// Guarantees: each attribute is what the files say.
///
/// Conforms: processor `resource_detection` | traces, metrics, logs | `detectors: [system]` with `hostname_sources`,
/// `resource_attributes` | same
#[test]
fn a_host_tells_what_it_is_asked() {
    let (_root, host) = machine(FILES, None);
    let mut settings = asking(&[Detector::System]);
    settings.system = SystemDetector {
        hostname_sources: vec![HostnameSource::Os],
        resource_attributes: wanted(&[
            "host.id",
            "os.name",
            "os.version",
            "os.build.id",
            "os.description",
            "host.cpu.vendor.id",
            "host.cpu.family",
            "host.cpu.model.id",
            "host.cpu.model.name",
            "host.cpu.stepping",
            "host.cpu.cache.l2.size",
            "host.mac",
            "host.interface",
        ]),
    };
    let off = AttributeSwitch {
        enabled: Some(false),
    };
    settings
        .system
        .resource_attributes
        .insert("host.name".to_owned(), off.clone());
    settings
        .system
        .resource_attributes
        .insert("os.type".to_owned(), off);
    let found = detect(&settings, &host).unwrap();
    let texts = shown(&found);
    let machine = std::env::consts::ARCH;
    assert_eq!(
        texts[..11],
        [
            "host.id=abc123".to_owned(),
            "os.name=debian".to_owned(),
            "os.version=12.5".to_owned(),
            "os.build.id=6.1.0".to_owned(),
            format!("os.description=Debian GNU/Linux 12 (Linux node-1 6.1.0 #1 SMP {machine})"),
            "host.cpu.vendor.id=GenuineIntel".to_owned(),
            "host.cpu.family=6".to_owned(),
            "host.cpu.model.id=85".to_owned(),
            "host.cpu.model.name=Xeon".to_owned(),
            "host.cpu.stepping=7".to_owned(),
            "host.cpu.cache.l2.size=Int(1024)".to_owned(),
        ]
    );
    let list = |key: &str| {
        let (_, value) = found.iter().find(|(known, _)| known == key).unwrap();
        let AnyValue::Array(values) = value.view() else {
            panic!("{key} is no list");
        };
        format!("{:?}", values.iter().collect::<Vec<_>>())
    };
    assert_eq!(list("host.mac").matches("String").count(), 1);
    assert_eq!(list("host.interface").matches("String").count(), 2);
}

/// Scenario: a host without a name.
/// Guarantees: the start stops, and says which sources were asked.
#[test]
fn a_host_has_a_name() {
    let (_root, host) = machine(&[], None);
    let mut settings = asking(&[Detector::System]);
    settings.system.hostname_sources = vec![HostnameSource::Os];
    let error = detect(&settings, &host).unwrap_err().to_string();
    assert!(error.contains("os: the system gives no name"), "{error}");
}

/// Answers each request by its path.
fn daemon(root: &Path) {
    let socket = root.join("var/run/docker.sock");
    std::fs::create_dir_all(socket.parent().expect("a folder")).expect("a folder");
    let listener = UnixListener::bind(socket).expect("a socket");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut line = String::new();
            BufReader::new(&stream)
                .read_line(&mut line)
                .expect("a request");
            let answer = match line.split(' ').nth(1) {
                Some("/info") => r#"{"OSType": "linux", "Name": "docker-host"}"#,
                Some("/containers/node-1/json") => r#"{"Name": "/shop", "Image": "sha256:1"}"#,
                _ => "no",
            };
            write!(stream, "HTTP/1.0 200 OK\r\n\r\n{answer}").expect("an answer");
        }
    });
}

/// Scenario: Docker's daemon before the system, and after it; the container's name and image as well.
/// Guarantees: what is found first counts; the container is that of this host's name.
///
/// Conforms: processor `resource_detection` | traces, metrics, logs | `detectors: [docker]` at a Unix socket | same
#[test]
fn docker_tells_of_its_host_and_of_the_container() {
    let (root, host) = machine(FILES, None);
    daemon(root.path());
    let found = detect(&asking(&[Detector::Docker, Detector::System]), &host).unwrap();
    assert_eq!(shown(&found), ["os.type=linux", "host.name=docker-host"]);
    let mut settings = asking(&[Detector::System, Detector::Docker]);
    settings.docker = DockerDetector {
        resource_attributes: wanted(&["container.name", "container.image.name"]),
    };
    let found = detect(&settings, &host).unwrap();
    assert_eq!(
        shown(&found),
        [
            "host.name=node-1.example.org",
            "os.type=linux",
            "container.name=/shop",
            "container.image.name=sha256:1"
        ]
    );
}

/// Scenario: there is no daemon.
/// Guarantees: nothing is found, or the start stops, as the configuration wants it.
///
/// Conforms: processor `resource_detection` | traces, metrics, logs | `fail_on_missing_metadata` | same
#[test]
fn docker_may_be_absent() {
    let (_root, host) = machine(FILES, None);
    let mut settings = asking(&[Detector::Docker]);
    assert!(detect(&settings, &host).unwrap().is_empty());
    settings.fail_on_missing_metadata = true;
    let error = detect(&settings, &host).unwrap_err().to_string();
    assert!(error.contains("docker.sock"), "{error}");
}
