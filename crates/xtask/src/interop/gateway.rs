//! Two Tailweir processes: the gateway under test, and the sink behind it.

use crate::{built, root};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running gateway and its sink. Dropping it kills both.
pub(crate) struct Pair {
    gateway: Process,
    sink: Process,
    grpc: SocketAddr,
    http: SocketAddr,
    file: PathBuf,
}

impl Pair {
    /// Starts both on free loopback ports and returns when they are ready.
    pub(crate) fn start(scratch: &Path, name: &str) -> Result<Self> {
        let file = scratch.join(format!("{name}.jsonl"));
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let [grpc, http, admin, sink, sink_admin] = free_addresses()?;
        let environment = [
            ("GRPC", grpc.to_string()),
            ("HTTP", http.to_string()),
            ("ADMIN", admin.to_string()),
            ("SINK", sink.to_string()),
            ("SINK_ADMIN", sink_admin.to_string()),
            ("SINK_FILE", file.display().to_string()),
        ];
        let sink = Process::start("sink.yaml", &environment, sink_admin)?;
        let gateway = Process::start("gateway.yaml", &environment, admin)?;
        Ok(Self {
            gateway,
            sink,
            grpc,
            http,
            file,
        })
    }

    /// Where the gateway takes OTLP over gRPC.
    pub(crate) fn grpc(&self) -> SocketAddr {
        self.grpc
    }

    /// Where the gateway takes OTLP over HTTP.
    pub(crate) fn http(&self) -> SocketAddr {
        self.http
    }

    /// Drains the gateway, then the sink, and returns the requests that the sink wrote.
    pub(crate) fn finish(self) -> Result<Vec<Value>> {
        self.gateway.drain()?;
        self.sink.drain()?;
        let text = std::fs::read_to_string(&self.file).context("the sink wrote no file")?;
        text.lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }
}

/// A Tailweir process of ours.
pub(super) struct Process {
    child: Child,
    name: &'static str,
}

impl Process {
    /// Starts it with a configuration of `crates/xtask/interop`, and waits until it is ready.
    pub(super) fn start(
        name: &'static str,
        environment: &[(&str, String)],
        admin: SocketAddr,
    ) -> Result<Self> {
        let mut command = Command::new(built("tailweir"));
        command
            .arg("--config")
            .arg(root().join("crates/xtask/interop").join(name));
        command.envs(environment.iter().map(|(key, value)| (key, value)));
        command.stderr(Stdio::piped());
        let mut child = command.spawn().context("could not start tailweir")?;
        let log = child.stderr.take().context("the log is piped")?;
        let process = Self { child, name };
        // The line that says it is listening is the event to wait for; the rest is passed on.
        let mut lines = BufReader::new(log).lines();
        for line in lines.by_ref() {
            let line = line?;
            eprint_line(name, &line);
            if is_ready(admin) {
                std::thread::spawn(move || {
                    lines
                        .map_while(Result::ok)
                        .for_each(|line| eprint_line(name, &line));
                });
                return Ok(process);
            }
        }
        bail!("tailweir with {name} ended before it was ready")
    }

    /// SIGTERM is the drain: everything held is decided and delivered before it ends.
    pub(super) fn drain(mut self) -> Result<()> {
        let id = self.child.id().to_string();
        crate::run(Command::new("kill").args(["-TERM", &id]))?;
        let status = self.child.wait()?;
        ensure!(status.success(), "{} ended with {status}", self.name);
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already ended in the good case, in which both calls do nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the log of a process under test goes to the tester"
)]
fn eprint_line(name: &str, line: &str) {
    eprintln!("[{name}] {line}");
}

fn is_ready(admin: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut connection = TcpStream::connect_timeout(&admin, Duration::from_secs(1))?;
        connection.set_read_timeout(Some(Duration::from_secs(1)))?;
        connection
            .write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// Addresses that were free a moment ago.
pub(super) fn free_addresses<const N: usize>() -> Result<[SocketAddr; N]> {
    let listeners = (0..N)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<Result<Vec<_>, _>>()?;
    let addresses = listeners
        .iter()
        .map(TcpListener::local_addr)
        .collect::<Result<Vec<_>, _>>()?;
    addresses
        .try_into()
        .map_err(|_| anyhow::anyhow!("as many addresses as listeners"))
}
