//! A member of the demo's cluster: this program once more, as a process of its own.

use crate::probe;
use anyhow::Context;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a member may take to end when it is told to.
const END_MAX: Duration = Duration::from_secs(10);
/// Lines of its log that are shown when something is wrong.
const LAST_LINES: usize = 12;

/// Where the members listen.
pub(super) struct Addresses {
    otlp: Vec<SocketAddr>,
    admin: Vec<SocketAddr>,
    peers: Vec<SocketAddr>,
}

impl Addresses {
    /// Free ports of this machine.
    ///
    /// # Errors
    /// When there are none.
    pub(super) fn choose(members: usize) -> anyhow::Result<Self> {
        let listeners = (0..3 * members)
            .map(|_| TcpListener::bind("127.0.0.1:0"))
            .collect::<Result<Vec<_>, _>>()?;
        let addresses = listeners
            .iter()
            .map(TcpListener::local_addr)
            .collect::<Result<Vec<_>, _>>()?;
        let mut parts = addresses.chunks(members).map(<[SocketAddr]>::to_vec);
        let mut part = || parts.next().unwrap_or_default();
        Ok(Self {
            otlp: part(),
            admin: part(),
            peers: part(),
        })
    }
}

/// A member, running or not.
pub(super) struct Member {
    name: String,
    otlp: String,
    admin: String,
    configuration: PathBuf,
    log: PathBuf,
    process: Option<Child>,
}

impl Member {
    /// A member that does not run yet. Its files are in `place`.
    ///
    /// # Errors
    /// When its configuration cannot be written.
    pub(super) fn new(
        number: usize,
        addresses: &Addresses,
        place: &Path,
        backend: SocketAddr,
        decision_wait: Duration,
    ) -> anyhow::Result<Self> {
        let name = format!("member-{number}");
        let configuration = place.join(format!("{name}.yaml"));
        let text = configuration_of(number, &name, addresses, place, backend, decision_wait);
        std::fs::write(&configuration, text)
            .with_context(|| format!("{} cannot be written", configuration.display()))?;
        Ok(Self {
            log: place.join(format!("{name}.log")),
            otlp: addresses.otlp[number].to_string(),
            admin: addresses.admin[number].to_string(),
            name,
            configuration,
            process: None,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn otlp(&self) -> &str {
        &self.otlp
    }

    pub(super) fn admin(&self) -> &str {
        &self.admin
    }

    /// Starts it.
    ///
    /// # Errors
    /// When this program cannot be started again.
    pub(super) fn start(&mut self) -> anyhow::Result<()> {
        let program = std::env::current_exe().context("this program has no path")?;
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let process = Command::new(program)
            .arg("--config")
            .arg(&self.configuration)
            .args(["--admin", &self.admin, "--status-line", "never"])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", self.name))?;
        self.process = Some(process);
        Ok(())
    }

    /// Ends it at once, as a crash of its machine would.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill().await?;
        }
        Ok(())
    }

    /// Ends it; what it had is delivered.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(super) async fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut process) = self.process.take() else {
            return Ok(());
        };
        if let Some(id) = process.id().and_then(|id| i32::try_from(id).ok())
            && let Some(id) = rustix::process::Pid::from_raw(id)
        {
            // All members end at once, so there is nobody to hand anything over to: a second signal says not to wait.
            for _ in 0..2 {
                let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
            }
        }
        if tokio::time::timeout(END_MAX, process.wait()).await.is_err() {
            process.kill().await?;
        }
        Ok(())
    }

    /// Whether it says so.
    pub(super) async fn is_ready(&self) -> bool {
        let answer = probe::get(&self.admin, "/readyz", PATIENCE).await;
        answer.is_ok_and(|answer| answer.status.is_success())
    }

    /// The end of its log.
    pub(super) fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }
}

fn configuration_of(
    number: usize,
    name: &str,
    addresses: &Addresses,
    place: &Path,
    backend: SocketAddr,
    decision_wait: Duration,
) -> String {
    let controllers: Vec<String> = addresses.peers.iter().map(SocketAddr::to_string).collect();
    let (otlp, peer) = (addresses.otlp[number], addresses.peers[number]);
    let data = place.join(name);
    format!(
        "\
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: {otlp}
processors:
  tail_sampling:
    decision_wait: {wait}ms
    policies:
      - {{name: errors, type: status_code, status_code: {{status_codes: [ERROR]}}}}
      - {{name: slow, type: latency, latency: {{threshold_ms: 500}}}}
      - {{name: share, type: probabilistic, probabilistic: {{sampling_percentage: 10}}}}
exporters:
  otlp:
    endpoint: {backend}
    tls: {{insecure: true}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [tail_sampling], exporters: [otlp]}}
cluster:
  id: demo
  name: {name}
  listen: {peer}
  advertise: {peer}
  controllers: [{controllers}]
  data_dir: {data:?}
  insecure: true
",
        wait = decision_wait.as_millis(),
        controllers = controllers.join(", "),
    )
}
