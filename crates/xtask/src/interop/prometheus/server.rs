//! A Prometheus of our own, on loopback.

use super::{ask, until};
use anyhow::{Context, Result};
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running Prometheus. Dropping it kills it.
pub(super) struct Prometheus {
    pub(super) address: SocketAddr,
    child: Child,
}

impl Prometheus {
    /// Starts one that scrapes these pages every second, with these options, and waits until it is ready.
    pub(super) fn start(
        scratch: &Path,
        name: &str,
        address: SocketAddr,
        pages: &[(&str, SocketAddr)],
        options: &[&str],
    ) -> Result<Self> {
        let folder = scratch.join(format!("prometheus-{name}"));
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        std::fs::create_dir_all(&folder)?;
        let mut configuration = "global: {scrape_interval: 1s}\nscrape_configs:\n".to_owned();
        for (job, page) in pages {
            writeln!(
                configuration,
                "- {{job_name: {job}, honor_labels: true, static_configs: [{{targets: ['{page}']}}]}}"
            )?;
        }
        let file = folder.join("prometheus.yml");
        std::fs::write(&file, configuration)?;
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .args(["--enable-feature=exemplar-storage", "--log.level=warn"])
            .args(options)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("log"))?)
            .spawn()
            .context("could not start Prometheus")?;
        let prometheus = Self { address, child };
        until("Prometheus to be ready", || {
            Ok(prometheus.value("vector(1)").as_deref() == Some("1"))
        })?;
        Ok(prometheus)
    }

    /// Waits until a query has one answer of this value.
    pub(super) fn until(&self, query: &str, value: &str) -> Result<()> {
        let what = format!("{query} to be {value}");
        until(&what, || Ok(self.value(query).as_deref() == Some(value)))
    }

    /// The value of the only series that a query finds.
    fn value(&self, query: &str) -> Option<String> {
        let escaped: String = query.bytes().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
            text
        });
        let path = format!("/api/v1/query?query={escaped}");
        let answer = ask(self.address, "GET", &path, "").ok()?;
        let found = answer["data"]["result"].as_array()?;
        let [one] = found.as_slice() else {
            return None;
        };
        Some(one["value"][1].as_str()?.to_owned())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Nothing of it is kept.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
