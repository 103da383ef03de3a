//! The host and its operating system, out of the files by which Linux tells of them.

use super::{DetectionError, Found, Machine, hostname, interfaces, text};
use std::collections::BTreeMap;
use tailweir_config::SystemDetector;
use tailweir_otlp::EncodedValue;

/// What is wanted and can be told.
pub(super) fn detect(
    settings: &SystemDetector,
    machine: &Machine,
) -> Result<Found, DetectionError> {
    let mut found = Found::new();
    // Without a name nothing else is told, whether it is wanted or not.
    let host = hostname::find(&settings.hostname_sources, machine)?;
    let release = Release::of(machine);
    let kernel = machine.read("proc/sys/kernel/osrelease");
    let texts = [
        ("host.name", Some(host)),
        ("os.type", Some(std::env::consts::OS.to_owned())),
        (
            "host.arch",
            Some(architecture(std::env::consts::ARCH).to_owned()),
        ),
        ("host.id", host_id(machine)),
        ("os.name", release.get("ID")),
        ("os.version", version(&release, machine)),
        ("os.build.id", release.get("BUILD_ID").or(kernel)),
        ("os.description", description(&release, machine)),
    ];
    for (key, value) in texts {
        if let Some(value) = value.filter(|_| settings.wants(key)) {
            found.push((key.to_owned(), text(&value)));
        }
    }
    processor(settings, machine, &mut found);
    interfaces::detect(settings, machine, &mut found)?;
    Ok(found)
}

/// The architecture as OpenTelemetry names it.
fn architecture(name: &str) -> &str {
    match name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc64" => "ppc64",
        name => name,
    }
}

fn host_id(machine: &Machine) -> Option<String> {
    let id = machine.read("etc/machine-id");
    id.or_else(|| machine.read("var/lib/dbus/machine-id"))
}

fn version(release: &Release, machine: &Machine) -> Option<String> {
    let own = match release.get("ID").as_deref() {
        Some("debian") => machine.read("etc/debian_version"),
        Some("alpine") => machine.read("etc/alpine-release"),
        _ => None,
    };
    own.or_else(|| release.get("VERSION_ID"))
}

/// The release, and what `uname` says of the kernel.
fn description(release: &Release, machine: &Machine) -> Option<String> {
    let files = ["ostype", "hostname", "osrelease", "version"];
    let kernel: Option<Vec<_>> = files
        .map(|file| machine.read(&format!("proc/sys/kernel/{file}")))
        .into_iter()
        .collect();
    let kernel = format!("{} {}", kernel?.join(" "), std::env::consts::ARCH);
    let name = release.get("PRETTY_NAME").or_else(|| {
        let (name, version) = (release.get("NAME")?, release.get("VERSION"));
        Some(version.map_or(name.clone(), |version| format!("{name} {version}")))
    });
    Some(name.map_or(kernel.clone(), |name| format!("{name} ({kernel})")))
}

/// What `os-release` says.
struct Release(BTreeMap<String, String>);

impl Release {
    fn of(machine: &Machine) -> Self {
        let written = machine.read("etc/os-release");
        let written = written.or_else(|| machine.read("usr/lib/os-release"));
        let written = written.unwrap_or_default();
        let lines = written.lines().filter_map(|line| line.split_once('='));
        let entries = lines.map(|(key, value)| {
            let value = value.trim();
            let bare = value.trim_matches(|it| it == '"' || it == '\'');
            (key.trim().to_owned(), bare.to_owned())
        });
        Self(entries.collect())
    }

    fn get(&self, key: &str) -> Option<String> {
        self.0.get(key).filter(|value| !value.is_empty()).cloned()
    }
}

/// What the first processor says of itself.
fn processor(settings: &SystemDetector, machine: &Machine, found: &mut Found) {
    const KEYS: [(&str, &str); 5] = [
        ("host.cpu.vendor.id", "vendor_id"),
        ("host.cpu.family", "cpu family"),
        ("host.cpu.model.id", "model"),
        ("host.cpu.model.name", "model name"),
        ("host.cpu.stepping", "stepping"),
    ];
    let written = machine.read("proc/cpuinfo").unwrap_or_default();
    let first = written.split("\n\n").next().unwrap_or_default();
    let said = |key: &str| {
        let mut lines = first.lines().filter_map(|line| line.split_once(':'));
        lines.find_map(|(known, value)| (known.trim() == key).then(|| value.trim().to_owned()))
    };
    for (attribute, key) in KEYS {
        if let Some(value) = said(key).filter(|_| settings.wants(attribute)) {
            found.push((attribute.to_owned(), text(&value)));
        }
    }
    let size = said("cache size").and_then(|size| size.split(' ').next()?.parse().ok());
    if let Some(size) = size.filter(|_| settings.wants("host.cpu.cache.l2.size")) {
        found.push(("host.cpu.cache.l2.size".to_owned(), EncodedValue::int(size)));
    }
}
