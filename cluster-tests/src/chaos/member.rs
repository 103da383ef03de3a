//! A process of the product: starts, is killed, paused, asked to stop, and starts again where it was.

use super::configuration::{ADMIN_PORT, Identity, OTLP_PORT, PEER_PORT, Pipeline, Role, text};
use super::network::Place;
use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::Child;

/// A stop that takes longer is no stop.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) place: Place,
    pub(super) zone: &'static str,
    folder: PathBuf,
    child: Option<Child>,
    /// How often it was started.
    pub(super) starts: u32,
    /// Whether it was asked to stop.
    pub(super) is_leaving: bool,
    pub(super) is_paused: bool,
    /// The most resident memory that it was seen with.
    pub(super) memory: u64,
}

impl Member {
    pub(super) fn new(
        name: String,
        role: Role,
        place: Place,
        zone: &'static str,
        run: &Path,
    ) -> Result<Self> {
        let folder = run.join("members").join(&name);
        fs::create_dir_all(folder.join("data"))
            .with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self {
            name,
            role,
            place,
            zone,
            folder,
            child: None,
            starts: 0,
            is_leaving: false,
            is_paused: false,
            memory: 0,
        })
    }

    pub(super) fn otlp(&self) -> SocketAddr {
        SocketAddr::new(self.place.address, OTLP_PORT)
    }

    pub(super) fn peer(&self) -> SocketAddr {
        SocketAddr::new(self.place.address, PEER_PORT)
    }

    pub(super) fn admin(&self) -> SocketAddr {
        SocketAddr::new(self.place.address, ADMIN_PORT)
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("log.jsonl")
    }

    pub(super) fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// Whether it runs and nobody asked it to stop.
    pub(super) fn is_staying(&self) -> bool {
        self.is_running() && !self.is_leaving
    }

    pub(super) fn configure(&self, pipeline: &Pipeline) -> Result<()> {
        let identity = Identity {
            name: &self.name,
            role: self.role,
            address: self.place.address,
            data: &self.folder.join("data"),
            zone: self.zone,
        };
        let path = self.folder.join("config.yaml");
        fs::write(&path, text(&identity, pipeline))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Starts it. The process dies with the thread that calls this.
    pub(super) fn start(&mut self, binary: &Path) -> Result<()> {
        ensure!(self.child.is_none(), "{} runs already", self.name);
        let log = File::options().create(true).append(true).open(self.log())?;
        let child = self
            .place
            .command(binary)
            .args(["run", "--status-line", "never", "--watch-interval", "0s"])
            .arg("--config")
            .arg(self.folder.join("config.yaml"))
            .args(["--admin", &self.admin().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", self.name))?;
        self.child = Some(child);
        self.starts += 1;
        self.is_leaving = false;
        Ok(())
    }

    /// Kills it; returns how it ended.
    pub(super) async fn kill(&mut self) -> Result<String> {
        let mut child = self.take()?;
        child.start_kill()?;
        let status = child.wait().await?;
        self.is_paused = false;
        Ok(ending(status))
    }

    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        let id = self.child.as_ref().and_then(Child::id);
        let id = id.and_then(|id| Pid::from_raw(id as i32));
        let id = id.with_context(|| format!("{} does not run", self.name))?;
        kill_process(id, signal).with_context(|| format!("{} takes no signal", self.name))
    }

    /// Asks it to stop and waits until it has; returns how it ended.
    pub(super) async fn stop(&mut self) -> Result<String> {
        self.ask_to_stop()?;
        self.ended().await
    }

    pub(super) fn ask_to_stop(&mut self) -> Result<()> {
        self.signal(Signal::TERM)?;
        self.is_leaving = true;
        Ok(())
    }

    /// Waits until it has ended after it was asked to; kills what does not.
    pub(super) async fn ended(&mut self) -> Result<String> {
        let mut child = self.take()?;
        match tokio::time::timeout(STOP_PATIENCE, child.wait()).await {
            Ok(status) => Ok(ending(status?)),
            Err(_) => {
                child.start_kill()?;
                child.wait().await?;
                Ok(format!("did not stop in {} s", STOP_PATIENCE.as_secs()))
            }
        }
    }

    fn take(&mut self) -> Result<Child> {
        let child = self.child.take();
        child.with_context(|| format!("{} does not run", self.name))
    }

    /// Whether it has ended by itself, and how.
    pub(super) fn has_died(&mut self) -> Option<String> {
        let status = self.child.as_mut()?.try_wait().ok()??;
        if self.is_leaving {
            return None;
        }
        self.child = None;
        Some(ending(status))
    }

    /// Its state as the kernel writes it, such as `S` or `T`.
    pub(super) fn state(&self) -> Option<char> {
        let text = self.proc_file("stat")?;
        text.rsplit_once(") ")?.1.chars().next()
    }

    /// Looks how much memory it has.
    pub(super) fn weigh(&mut self) {
        let Some(text) = self.proc_file("status") else {
            return;
        };
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        self.memory = self.memory.max(kilobytes.unwrap_or_default() << 10);
    }

    fn proc_file(&self, name: &str) -> Option<String> {
        let id = self.child.as_ref()?.id()?;
        fs::read_to_string(format!("/proc/{id}/{name}")).ok()
    }
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => CLEANLY.to_owned(),
        (Some(code), _) => format!("exit code {code}"),
        (_, Some(signal)) => format!("signal {signal}"),
        _ => "unknown".to_owned(),
    }
}

/// How a member ends that was asked to stop.
pub(super) const CLEANLY: &str = "exit code 0";
/// How a member ends that was killed.
pub(super) const KILLED: &str = "signal 9";
