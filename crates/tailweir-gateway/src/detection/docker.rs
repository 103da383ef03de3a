//! What Docker's daemon says of its host and of this container, over its Unix socket.

use super::{DetectionError, Found, Machine, text};
use serde_json::Value;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;
use tailweir_config::DockerDetector;

const SOCKET: &str = "var/run/docker.sock";
/// The longest answer that is read, in bytes.
const ANSWER_MAX: u64 = 4 << 20;

/// A daemon.
pub(super) struct Docker {
    socket: Result<PathBuf, String>,
    timeout: Option<Duration>,
}

impl Docker {
    /// That of this machine.
    pub(super) fn of(machine: &Machine, timeout: Duration) -> Self {
        let named = machine
            .variable("DOCKER_HOST")
            .filter(|host| !host.is_empty());
        let socket = match named {
            None => Ok(machine.root.join(SOCKET)),
            Some(host) => host
                .strip_prefix("unix://")
                .map(PathBuf::from)
                .ok_or_else(|| host.to_owned()),
        };
        Self {
            socket,
            timeout: Some(timeout).filter(|timeout| !timeout.is_zero()),
        }
    }

    /// What is wanted and can be told.
    pub(super) fn detect(
        &self,
        settings: &DockerDetector,
        machine: &Machine,
    ) -> Result<Found, DetectionError> {
        let mut found = Found::new();
        let mut put = |wanted: &str, value: &Value| {
            if let Some(value) = value.as_str().filter(|_| settings.wants(wanted)) {
                found.push((wanted.to_owned(), text(value)));
            }
        };
        if settings.wants("os.type") || settings.wants("host.name") {
            let host = self.ask("/info")?;
            put("os.type", &host["OSType"]);
            put("host.name", &host["Name"]);
        }
        if settings.wants("container.name") || settings.wants("container.image.name") {
            let hostname = machine.hostname().unwrap_or_default();
            let container = self.ask(&format!("/containers/{hostname}/json"))?;
            put("container.name", &container["Name"]);
            put("container.image.name", &container["Image"]);
        }
        Ok(found)
    }

    fn ask(&self, path: &str) -> Result<Value, DetectionError> {
        let failed = |problem: String| DetectionError::Docker {
            socket: match &self.socket {
                Ok(path) => path.display().to_string(),
                Err(host) => host.clone(),
            },
            problem,
        };
        let socket = self.socket.as_ref().map_err(|_| {
            failed("it is asked at a Unix socket alone, write `unix://` and a path".to_owned())
        })?;
        let answer = exchange(socket, path, self.timeout).map_err(|it| failed(it.to_string()))?;
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .ok_or_else(|| failed("the answer is no HTTP".to_owned()))?;
        let status = head.lines().next().unwrap_or_default();
        if status.split(' ').nth(1) != Some("200") {
            return Err(failed(format!("{path}: {status}")));
        }
        serde_json::from_str(body).map_err(|error| failed(error.to_string()))
    }
}

/// HTTP/1.0, in which the answer ends with the connection.
fn exchange(
    socket: &std::path::Path,
    path: &str,
    timeout: Option<Duration>,
) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(timeout)?;
    stream.set_write_timeout(timeout)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
