//! Other policies by a ConfigMap: one revision for all pods, and none of them restarted.

use super::kubernetes::Pod;
use super::runner::{PATIENCE, POLL, Runner};
use crate::chaos::admin;
use crate::chaos::event::FaultKind;
use crate::chaos::scenario::SHARES;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// Where the chart puts the configuration.
const FILE: &str = "--config=/etc/tailweir/config/config.yaml";
/// How often a process looks whether its files have changed.
const LOOKS_AT_FILES: Duration = Duration::from_secs(5);

impl Runner<'_> {
    /// Other policies, which no pod may be restarted for, and which are one revision for all of them.
    pub(super) async fn change_policies(&mut self) -> Result<()> {
        let before = self.pods().await?;
        let fault = self.begin(FaultKind::Reload, &before).await?;
        let (mut old, mut old_files) = (Vec::new(), Vec::new());
        for pod in &before {
            old.push(revisions(pod).await?);
            old_files.push(self.file(pod).await?);
        }
        let known = old.first().context("there is no pod")?.policies;
        let is_known = |it: &Revisions| it.policies == known;
        ensure!(old.iter().all(is_known), "different policies: {old:?}");
        self.values.pipeline.share_percent = SHARES.1;
        self.release.upgrade(self.values).await?;
        let start = Instant::now();
        let is_next = |it: &Revisions| it.policies == known + 1;
        let mut everywhere = None;
        // Pods get their files one by one; until then some still have one that says otherwise.
        for (pod, old) in before.iter().zip(&old_files) {
            while self.file(pod).await? == *old {
                if everywhere.is_none() && all(&before).await?.iter().all(is_next) {
                    everywhere = Some(start.elapsed().as_millis());
                }
                ensure!(start.elapsed() < PATIENCE, "{} keeps its file", pod.name);
                tokio::time::sleep(POLL).await;
            }
        }
        let files_read = Instant::now();
        loop {
            let new = all(&before).await?;
            if everywhere.is_none() && new.iter().all(is_next) {
                everywhere = Some(start.elapsed().as_millis());
            }
            // Whoever proposes its own file once more has done so by then.
            if everywhere.is_some() && files_read.elapsed() > 2 * LOOKS_AT_FILES {
                ensure!(new.iter().all(is_next), "more than one revision: {new:?}");
                let has_reloaded = |(new, old): (&Revisions, &Revisions)| new.process > old.process;
                ensure!(
                    new.iter().zip(&old).all(has_reloaded),
                    "some have reloaded nothing: {new:?}"
                );
                break;
            }
            ensure!(start.elapsed() < PATIENCE, "the pods stay at {new:?}");
            tokio::time::sleep(POLL).await;
        }
        let took = everywhere.unwrap_or_default();
        let lives = |pods: &[Pod]| pods.iter().map(Pod::life).collect::<BTreeSet<_>>();
        let is_same = lives(&before) == lives(&self.pods().await?);
        let evidence = format!(
            "revision {} in force in {} pods after {took} ms, without a restart: {is_same}",
            known + 1,
            before.len()
        );
        self.end(fault, is_same, evidence).await
    }

    /// What a pod's own file says, as the product reads it.
    async fn file(&self, pod: &Pod) -> Result<String> {
        let print = ["exec", &pod.name, "--", "tailweir", "print-config", FILE];
        self.release.kubernetes.run(&print).await
    }
}

async fn all(pods: &[Pod]) -> Result<Vec<Revisions>> {
    let mut all = Vec::new();
    for pod in pods {
        all.push(revisions(pod).await?);
    }
    Ok(all)
}

/// What a pod has in force.
#[derive(Debug, Clone, Copy)]
struct Revisions {
    /// Of its own configuration.
    process: u64,
    /// Of the policies of all.
    policies: u64,
}

async fn revisions(pod: &Pod) -> Result<Revisions> {
    let address = pod.admin().context("a pod has no address")?;
    let status = admin::page(address, "/status").await?;
    let number = |name: &str| {
        let number = status["process"][name].as_u64();
        number.with_context(|| format!("the status has no {name}"))
    };
    Ok(Revisions {
        process: number("revision")?,
        policies: number("policies")?,
    })
}
