//! Finds out where this process runs, for the `resource_detection` processor.
//!
//! Everything is read once, when settings are put into force, on a thread of its own: names, Docker's daemon and the metadata
//! services of clouds may take their time.

mod azure;
mod cloud;
mod docker;
mod ec2;
mod environment;
mod gcp;
mod hostname;
mod interfaces;
mod kubernetes;
mod metadata_service;
mod system;

use docker::Docker;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;
use tailweir_config::{Detector, ResourceDetection};
use tailweir_otlp::EncodedValue;

/// Attributes in the order in which they were found, each name once.
pub(crate) type Found = Vec<(String, EncodedValue)>;

/// Why nothing is known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DetectionError {
    /// A variable is no list of attributes.
    #[error("{variable} is no list of `key=value`, separated by commas: {problem}")]
    Variable {
        /// Which.
        variable: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// No source gave the name of the host.
    #[error("no source of `hostname_sources` gave the name of the host: {0}")]
    NoHostname(String),
    /// The interfaces of the host cannot be listed.
    #[error("the interfaces of the host cannot be listed: {0}")]
    Interfaces(io::Error),
    /// Docker's daemon does not answer.
    #[error("Docker's daemon does not answer at {socket}: {problem}")]
    Docker {
        /// Where it was asked.
        socket: String,
        /// What happened.
        problem: String,
    },
    /// The metadata service of a cloud does not answer.
    #[error("no metadata service answers `{detector}`: {problem}")]
    NoCloud {
        /// Who asked.
        detector: &'static str,
        /// What happened.
        problem: String,
    },
    /// The metadata service of a cloud does not say what it should.
    #[error("the metadata service does not tell `{detector}` what it should: {problem}")]
    Cloud {
        /// Who asked.
        detector: &'static str,
        /// What happened.
        problem: String,
    },
    /// A pattern of tags is none.
    #[error(transparent)]
    Pattern(#[from] tailweir_ottl::RegexError),
    /// The variable that has the name of the node does not say it.
    #[error("the variable {variable} has no name of a node: set it from `spec.nodeName`")]
    Node {
        /// Which.
        variable: String,
    },
    /// The API of Kubernetes does not say what it is asked for.
    #[error("{0}")]
    Kubernetes(String),
    /// It took too long.
    #[error("it was not found out in {0:?} where this process runs, raise `timeout`")]
    TooSlow(Duration),
}

/// What is looked at. In tests something else than this machine.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    /// Where its files are.
    root: PathBuf,
    /// Where the metadata service of its cloud is, as a URL.
    metadata: String,
    /// The variables that detectors read.
    variables: BTreeMap<&'static str, String>,
}

/// Whether a process is in a cluster of Kubernetes: the variable is set then.
const KUBERNETES: &str = "KUBERNETES_SERVICE_HOST";

impl Machine {
    /// Variables that detectors read.
    const VARIABLES: [&'static str; 7] = [
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_RESOURCE",
        "DOCKER_HOST",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_EC2_METADATA_DISABLED",
        "GCE_METADATA_HOST",
        KUBERNETES,
    ];
    /// Clouds have agreed on it.
    const METADATA: &'static str = "http://169.254.169.254";

    /// This one.
    pub(crate) fn this() -> Self {
        Self {
            root: PathBuf::from("/"),
            metadata: Self::METADATA.to_owned(),
            variables: Self::VARIABLES
                .into_iter()
                .filter_map(|name| Some((name, std::env::var(name).ok()?)))
                .collect(),
        }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// A file, without what is white around it; nothing where it is not there or empty.
    fn read(&self, path: &str) -> Option<String> {
        let text = std::fs::read(self.root.join(path)).ok()?;
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        Some(text).filter(|text| !text.is_empty())
    }

    /// What the operating system calls the host.
    fn hostname(&self) -> Option<String> {
        self.read("proc/sys/kernel/hostname")
    }
}

/// What the detectors find.
///
/// # Errors
///
/// [`DetectionError`]: when one of them fails, or all take too long.
pub(crate) fn detect(
    settings: &ResourceDetection,
    machine: &Machine,
) -> Result<Found, DetectionError> {
    let (answer, answered) = mpsc::sync_channel(1);
    let (asked, machine) = (settings.clone(), machine.clone());
    // If it is never done, the thread stays behind, which ends with the process.
    std::thread::spawn(move || {
        // Nobody may wait any more.
        let _ = answer.send(run(&asked, &machine));
    });
    let timeout = match settings.timeout {
        Duration::ZERO => Duration::MAX,
        timeout => timeout,
    };
    answered
        .recv_timeout(timeout)
        .unwrap_or(Err(DetectionError::TooSlow(settings.timeout)))
}

fn run(settings: &ResourceDetection, machine: &Machine) -> Result<Found, DetectionError> {
    let mut all = Found::new();
    let patience = patience(settings);
    let is_strict = settings.fail_on_missing_metadata;
    for detector in &settings.detectors {
        let found = match detector {
            Detector::Environment => environment::detect(machine)?,
            Detector::System => system::detect(&settings.system, machine)?,
            Detector::Docker => {
                let docker = Docker::of(machine, settings.timeout);
                if_there(settings, docker.detect(&settings.docker, machine))?
            }
            Detector::Ec2 => {
                let found = ec2::detect(&settings.ec2, machine, patience);
                match settings.ec2.fail_on_missing_metadata {
                    true => found?,
                    false => if_there(settings, found)?,
                }
            }
            Detector::Azure => {
                if_there(settings, azure::detect(&settings.azure, machine, patience))?
            }
            Detector::Aks => {
                let found = azure::detect_kubernetes(&settings.aks, machine, patience);
                if_there(settings, found)?
            }
            Detector::KubernetesApi => kubernetes::detect(&settings.k8s_api, is_strict)?,
            Detector::KubernetesNode => kubernetes::detect(&settings.k8snode, is_strict)?,
            Detector::Gcp => {
                let found = gcp::detect(&settings.gcp, machine, patience, is_strict);
                if_there(settings, found)?
            }
        };
        for (key, value) in found {
            if !all.iter().any(|(known, _)| *known == key) {
                all.push((key, value));
            }
        }
    }
    Ok(all)
}

/// The time for one answer of a metadata service: where nobody answers, time is left for the others.
fn patience(settings: &ResourceDetection) -> Duration {
    match settings.timeout {
        Duration::ZERO => Duration::MAX,
        timeout => timeout / (settings.detectors.len() as u32 + 1),
    }
}

/// Where nobody is there to be asked there is nothing to find, unless that has to be told.
fn if_there(
    settings: &ResourceDetection,
    found: Result<Found, DetectionError>,
) -> Result<Found, DetectionError> {
    use DetectionError::{Docker, NoCloud};
    match found {
        Err(error @ (Docker { .. } | NoCloud { .. })) if !settings.fail_on_missing_metadata => {
            tracing::debug!(%error, "nothing is found out");
            Ok(Found::new())
        }
        found => found,
    }
}

/// Waits for an answer on this thread, which is there for nothing else.
fn wait_for<T>(answer: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(answer))
}

fn text(value: &str) -> EncodedValue {
    EncodedValue::string(value.as_bytes())
}

#[cfg(test)]
mod tests;
