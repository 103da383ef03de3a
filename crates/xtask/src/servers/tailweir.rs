//! The product, as a process of its own.

use super::http::{ask, exchange};
use crate::built;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

/// A Tailweir process of ours. Dropping it kills it.
pub(crate) struct Tailweir {
    child: Child,
    name: String,
    admin: SocketAddr,
    log: Log,
}

/// The lines of a log so far.
type Log = Arc<Mutex<Vec<String>>>;

impl Tailweir {
    /// Starts it with a configuration, and waits until it is ready.
    pub(crate) fn start(
        configuration: &Path,
        environment: &[(&str, String)],
        admin: SocketAddr,
    ) -> Result<Self> {
        let name = configuration.file_name().unwrap_or_default();
        let arguments = [OsStr::new("--config"), configuration.as_os_str()];
        let process = Self::spawn(&name.to_string_lossy(), arguments, environment, admin)?;
        process.wait_until_ready()?;
        Ok(process)
    }

    /// Starts it with these arguments. Its log is kept, and passed on, each line with its name.
    pub(crate) fn spawn(
        name: &str,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        environment: &[(&str, String)],
        admin: SocketAddr,
    ) -> Result<Self> {
        let mut command = Command::new(built("tailweir"));
        command.args(arguments).args(["--status-line", "never"]);
        command.args(["--admin", &admin.to_string()]);
        command.envs(environment.iter().map(|(key, value)| (key, value)));
        command.stderr(Stdio::piped());
        let mut child = command.spawn().context("could not start tailweir")?;
        let stderr = child.stderr.take().context("the log is piped")?;
        let log = Log::default();
        let (label, kept) = (name.to_owned(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                eprint_line(&label, &line);
                kept.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
            }
        });
        Ok(Self {
            child,
            name: name.to_owned(),
            admin,
            log,
        })
    }

    /// Waits until it takes requests.
    pub(crate) fn wait_until_ready(&self) -> Result<()> {
        let what = format!("{} to be ready", self.name);
        super::until(&what, || {
            Ok(exchange(self.admin, "GET", "/readyz", &[], b"")
                .is_ok_and(|(status, _)| status == 200))
        })
    }

    /// Its id in the system.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What its admin page says of it.
    pub(crate) fn status(&self) -> Result<Value> {
        ask(self.admin, "/status", &[])
    }

    /// Whether a line of its log has this text.
    pub(crate) fn has_logged(&self, text: &str) -> bool {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter().any(|line| line.contains(text))
    }

    /// Sends it a signal, such as `STOP`.
    pub(crate) fn signal(&self, signal: &str) -> Result<()> {
        let id = self.id().to_string();
        crate::run(Command::new("kill").args(["-s", signal, &id]))
    }

    /// SIGTERM is the drain: everything held is decided and delivered before it ends.
    pub(crate) fn drain(mut self) -> Result<()> {
        self.signal("TERM")?;
        let status = self.child.wait()?;
        ensure!(status.success(), "{} ended with {status}", self.name);
        Ok(())
    }
}

impl Drop for Tailweir {
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

/// Addresses that were free a moment ago.
pub(crate) fn free_addresses<const N: usize>() -> Result<[SocketAddr; N]> {
    let listeners = (0..N)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<Result<Vec<_>, _>>()?;
    let addresses = listeners
        .iter()
        .map(TcpListener::local_addr)
        .collect::<Result<Vec<_>, _>>()?;
    let Ok(addresses) = addresses.try_into() else {
        bail!("as many addresses as listeners");
    };
    Ok(addresses)
}
