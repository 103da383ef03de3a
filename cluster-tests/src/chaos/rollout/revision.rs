//! Other policies by a ConfigMap: one revision for all pods, and none of them restarted.

use super::kubernetes::Pod;
use super::runner::{PATIENCE, POLL, Runner};
use crate::chaos::admin;
use crate::chaos::event::FaultKind;
use crate::chaos::scenario::SHARES;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use tokio::time::Instant;

impl Runner<'_> {
    /// Other policies, which no pod may be restarted for, and which are one revision for all of them.
    pub(super) async fn change_policies(&mut self) -> Result<()> {
        let before = self.pods().await?;
        let fault = self.begin(FaultKind::Reload, &before).await?;
        let mut old = Vec::new();
        for pod in &before {
            old.push(revisions(pod).await?);
        }
        let known = old.first().context("there is no pod")?.policies;
        let is_known = |it: &Revisions| it.policies == known;
        ensure!(old.iter().all(is_known), "different policies: {old:?}");
        self.values.pipeline.share_percent = SHARES.1;
        self.release.upgrade(self.values).await?;
        let start = Instant::now();
        let mut everywhere = None;
        loop {
            let mut new = Vec::new();
            for pod in &before {
                new.push(revisions(pod).await?);
            }
            let is_next = |it: &Revisions| it.policies == known + 1;
            if everywhere.is_none() && new.iter().all(is_next) {
                everywhere = Some(start.elapsed().as_millis());
            }
            // Each has read its own file again, and has taken over what one of them proposed.
            let has_read = |(new, old): (&Revisions, &Revisions)| new.process >= old.process + 2;
            if everywhere.is_some() && new.iter().zip(&old).all(has_read) {
                ensure!(new.iter().all(is_next), "more than one revision: {new:?}");
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
