//! Finds out where this process runs, for the `resource_detection` processor.
//!
//! Everything is read once, when settings are put into force, on a thread of its own: names and Docker's daemon may
//! take their time.

mod docker;
mod environment;
mod hostname;
mod interfaces;
mod system;

use docker::Docker;
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
    Interfaces(std::io::Error),
    /// Docker's daemon does not answer.
    #[error("Docker's daemon does not answer at {socket}: {problem}")]
    Docker {
        /// Where it was asked.
        socket: String,
        /// What happened.
        problem: String,
    },
    /// It took too long.
    #[error("it was not found out in {0:?} where this process runs, raise `timeout`")]
    TooSlow(Duration),
}

/// What is looked at. In tests something else than this machine.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    /// Where its files are.
    root: PathBuf,
    /// The variables that detectors read, in the order of [`Machine::VARIABLES`].
    variables: [Option<String>; 3],
}

impl Machine {
    /// Variables that detectors read.
    const VARIABLES: [&'static str; 3] =
        ["OTEL_RESOURCE_ATTRIBUTES", "OTEL_RESOURCE", "DOCKER_HOST"];

    /// This one.
    pub(crate) fn this() -> Self {
        Self {
            root: PathBuf::from("/"),
            variables: Self::VARIABLES.map(|name| std::env::var(name).ok()),
        }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let place = Self::VARIABLES.iter().position(|known| *known == name)?;
        self.variables[place].as_deref()
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
    for detector in &settings.detectors {
        let found = match detector {
            Detector::Environment => environment::detect(machine)?,
            Detector::System => system::detect(&settings.system, machine)?,
            Detector::Docker => docker(settings, machine)?,
        };
        for (key, value) in found {
            if !all.iter().any(|(known, _)| *known == key) {
                all.push((key, value));
            }
        }
    }
    Ok(all)
}

/// Without a daemon there is nothing to find, unless that has to be told.
fn docker(settings: &ResourceDetection, machine: &Machine) -> Result<Found, DetectionError> {
    let found = Docker::of(machine, settings.timeout).detect(&settings.docker, machine);
    match found {
        Err(error) if !settings.fail_on_missing_metadata => {
            tracing::debug!(%error, "nothing is found out from Docker");
            Ok(Found::new())
        }
        found => found,
    }
}

fn text(value: &str) -> EncodedValue {
    EncodedValue::string(value.as_bytes())
}

#[cfg(test)]
mod tests;
