//! The server under measurement: a process of its own, on a core of its own.

use anyhow::{Context, Result, bail};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    /// Time from starting it to its first accepted connection.
    pub(crate) listening_after: Duration,
}

impl Server {
    /// Starts a command on the first core and returns once it accepts connections.
    pub(crate) fn start(program: &Path, arguments: &[&str], address: SocketAddr) -> Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(program).args(arguments);
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .env("GOMAXPROCS", "1");
        let began = Instant::now();
        let mut child = command.spawn().context("could not start the server")?;
        while std::net::TcpStream::connect(address).is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("{} ended with {status}", program.display());
            }
            if began.elapsed() > Duration::from_secs(30) {
                bail!("{} does not listen on {address}", program.display());
            }
            std::thread::yield_now();
        }
        Ok(Self {
            child,
            listening_after: began.elapsed(),
        })
    }

    /// Processor time used so far by all its threads, as the scheduler counts it.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        let mut nanos = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let first = text
                .split_whitespace()
                .next()
                .and_then(|field| field.parse::<u64>().ok());
            nanos += first.context("an unreadable schedstat")?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// Resident bytes now.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        Ok(kib.context("an unreadable /proc/PID/status")? << 10)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing can be done about a process that is already gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback address that was free a moment ago.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
