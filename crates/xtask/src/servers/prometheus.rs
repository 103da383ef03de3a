//! A Prometheus of our own, on loopback.

use super::http::{ask, escaped};
use super::own_process::{OwnProcess, empty_folder};
use super::{Program, until};
use crate::output;
use anyhow::{Context, Result};
use serde_json::Value;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A running Prometheus. Dropping it kills it.
pub(crate) struct Prometheus {
    pub(crate) address: SocketAddr,
    _process: OwnProcess,
}

/// A Prometheus that can be started.
#[derive(Clone)]
pub(crate) struct Release {
    program: PathBuf,
    /// Whether it scrapes native histograms, and so protobuf: a feature in the line 2, a setting in the line 3.
    has_native_histograms: bool,
    is_packaged: bool,
}

impl Release {
    /// The one of the system's packages, of the line 2, with promtool.
    ///
    /// # Errors
    /// When it is not there and cannot be installed.
    pub(crate) fn packaged() -> Result<Self> {
        let is_there = |program: &str| output(Command::new(program).arg("--version")).is_ok();
        if !is_there("prometheus") || !is_there("promtool") {
            let mut apt = Command::new("apt-get");
            apt.args(["install", "-y", "--no-install-recommends", "prometheus"]);
            output(apt.env("DEBIAN_FRONTEND", "noninteractive"))
                .context("neither Prometheus nor a way to install it is there")?;
        }
        Ok(Self {
            program: "prometheus".into(),
            has_native_histograms: false,
            is_packaged: true,
        })
    }

    /// One of the line 3, which is built once.
    ///
    /// # Errors
    /// As of [`Program::prometheus`].
    pub(crate) fn built() -> Result<Self> {
        Ok(Self {
            program: Program::prometheus()?.0,
            has_native_histograms: false,
            is_packaged: false,
        })
    }

    /// The same, with native histograms.
    pub(crate) fn with_native_histograms(&self) -> Self {
        Self {
            has_native_histograms: true,
            ..self.clone()
        }
    }

    fn features(&self) -> &'static str {
        if self.has_native_histograms && self.is_packaged {
            "exemplar-storage,native-histograms"
        } else {
            "exemplar-storage"
        }
    }

    /// What it is told for all that it scrapes.
    fn settings(&self) -> &'static str {
        if self.has_native_histograms && !self.is_packaged {
            "scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s, scrape_native_histograms: true"
        } else {
            "scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s"
        }
    }
}

impl Prometheus {
    /// Starts one of this release that scrapes the pages of these jobs every second and evaluates these files of rules, with these
    /// options, and waits until it is ready. Its files are in this folder.
    pub(crate) fn start(
        release: &Release,
        folder: &Path,
        address: SocketAddr,
        pages: &[(&str, &[SocketAddr])],
        rules: &[PathBuf],
        options: &[&str],
    ) -> Result<Self> {
        empty_folder(folder)?;
        let file = folder.join("prometheus.yml");
        std::fs::write(&file, configuration(release, pages, rules)?)?;
        let mut command = Command::new(&release.program);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .arg(format!("--enable-feature={}", release.features()))
            .arg("--log.level=warn")
            .args(options);
        let process = OwnProcess::start(&mut command, &folder.join("log"))?;
        let prometheus = Self {
            address,
            _process: process,
        };
        until("Prometheus to be ready", || {
            Ok(prometheus.value("vector(1)").as_deref() == Some("1"))
        })?;
        Ok(prometheus)
    }

    /// Waits until a query has one answer of this value.
    pub(crate) fn until(&self, query: &str, value: &str) -> Result<()> {
        let what = format!("{query} to be {value}");
        until(&what, || Ok(self.value(query).as_deref() == Some(value)))
    }

    /// What a query finds now.
    pub(crate) fn query(&self, query: &str) -> Result<Vec<Value>> {
        let path = format!("/api/v1/query?query={}", escaped(query));
        let answer = ask(self.address, &path, &[])?;
        let found = answer["data"]["result"].as_array();
        Ok(found.context("an answer without a result")?.clone())
    }

    /// The exemplars of a query of the last hour, series by series.
    pub(crate) fn exemplars(&self, query: &str) -> Result<Vec<Value>> {
        let second = super::now() / 1_000_000_000;
        let range = format!("start={}&end={}", second - 3600, second + 3600);
        let query = escaped(query);
        let path = format!("/api/v1/query_exemplars?query={query}&{range}");
        let answer = ask(self.address, &path, &[])?;
        let series = answer["data"].as_array().into_iter().flatten();
        let exemplars =
            series.flat_map(|series| series["exemplars"].as_array().into_iter().flatten());
        Ok(exemplars.cloned().collect())
    }

    /// The value of the only series that a query finds.
    fn value(&self, query: &str) -> Option<String> {
        let found = self.query(query).ok()?;
        let [one] = found.as_slice() else {
            return None;
        };
        Some(one["value"][1].as_str()?.to_owned())
    }
}

fn configuration(
    release: &Release,
    pages: &[(&str, &[SocketAddr])],
    rules: &[PathBuf],
) -> Result<String> {
    let mut text = format!("global: {{{}}}\n", release.settings());
    writeln!(text, "rule_files:")?;
    for file in rules {
        writeln!(text, "- {}", file.display())?;
    }
    writeln!(text, "scrape_configs:")?;
    for (job, pages) in pages {
        let targets: Vec<_> = pages.iter().map(|page| format!("'{page}'")).collect();
        let targets = targets.join(", ");
        writeln!(
            text,
            "- {{job_name: {job}, honor_labels: true, static_configs: [{{targets: [{targets}]}}]}}"
        )?;
    }
    Ok(text)
}
