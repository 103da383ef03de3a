//! The nodes of the cluster, and what the script that made them can do to them.

use crate::chaos::tool;
use anyhow::{Result, ensure};
use std::path::PathBuf;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(500);

/// See the module.
#[derive(Debug)]
pub(super) struct Nodes {
    script: PathBuf,
    count: u32,
}

impl Nodes {
    pub(super) fn new(script: PathBuf, count: u32) -> Self {
        Self { script, count }
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// A node's name in Kubernetes.
    pub(super) fn name(&self, number: u32) -> String {
        format!("node{number}")
    }

    /// `cut`, `heal`, `crash` or `boot`.
    pub(super) async fn ask(&self, what: &str, number: u32) -> Result<()> {
        let mut command = Command::new(&self.script);
        command.args([what, &number.to_string()]);
        tool::output(command, "the script of the nodes")
            .await
            .map(drop)
    }

    pub(super) async fn is_ready(&self, number: u32) -> Result<bool> {
        let path = r#"jsonpath={.status.conditions[?(@.type=="Ready")].status}"#;
        let name = self.name(number);
        let said = tool::run("kubectl", ["get", "node", &name, "--output", path]).await?;
        Ok(said == "True")
    }

    pub(super) async fn until_ready(&self, number: u32) -> Result<()> {
        let start = Instant::now();
        while !self.is_ready(number).await? {
            let name = self.name(number);
            ensure!(start.elapsed() < PATIENCE, "{name} does not become ready");
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }
}
