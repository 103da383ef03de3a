//! Autoscalers: the load grows until there are more gateways and samplers, and falls until these are gone again.

use super::kubernetes::Pod;
use super::release::NAME;
use super::runner::{PATIENCE, POLL, Runner};
use crate::chaos::configuration::Role;
use crate::chaos::event::FaultKind;
use crate::chaos::scenario::{GROWN, USUAL};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// Fewest and most pods of a role.
const GATEWAYS: (usize, usize) = (2, 4);
const SAMPLERS: (usize, usize) = (3, 5);
/// What gateways need of their CPU is looked at for so long before an autoscaler is told what is much.
const CALIBRATION: Duration = Duration::from_secs(40);
/// Between the end of the load and what comes of it.
const CALM: Duration = Duration::from_secs(3);
/// No gateway needs so much, in percent of what it requests.
const ANY_CPU: u32 = 1_000;

/// Autoscalers of both roles, as values of the chart for gateways and samplers. A pod is taken away sooner than by
/// default, and a sampler still not before the one before it has drained.
pub(super) fn values(cpu_percent: u32) -> (String, String) {
    let of = |(least, most): (usize, usize), rest: &str| {
        format!(
            "  autoscaling: {{type: hpa, minReplicas: {least}, maxReplicas: {most}, scaleDownStabilizationSeconds: 20, {rest}}}\n"
        )
    };
    (
        of(GATEWAYS, &format!("targetCPUUtilization: {cpu_percent}")),
        of(
            SAMPLERS,
            "targetMemoryUtilization: 15, scaleDownPeriodSeconds: 120",
        ),
    )
}

impl Runner<'_> {
    /// Up and down once. No pod is replaced for having an autoscaler, and samplers leave one at a time.
    pub(super) async fn autoscale(&mut self) -> Result<()> {
        let before = self.pods().await?;
        self.values.gateway_cpu_percent = Some(ANY_CPU);
        self.release.upgrade(self.values).await?;
        for role in [Role::Gateway, Role::Sampler] {
            self.until_scaler_knows(role).await?;
        }
        tokio::time::sleep(CALIBRATION).await;
        ensure!(
            uids(&before) == uids(&self.pods().await?),
            "pods were replaced for having an autoscaler"
        );
        let usual = self.gateway_cpu_percent().await?;
        self.history
            .note(format!("gateways need {usual} % of the CPU they request"));
        self.values.gateway_cpu_percent = Some((usual * 4 / 3).max(1));
        self.release.upgrade(self.values).await?;
        self.grow().await?;
        self.shrink().await?;
        self.values.gateway_cpu_percent = None;
        self.release.upgrade(self.values).await
    }

    /// As their autoscaler sees it.
    async fn gateway_cpu_percent(&self) -> Result<u32> {
        let name = format!("{NAME}-{}", Role::Gateway.name());
        let scaler = self.release.kubernetes.object(&["hpa", &name]).await?;
        let current = &scaler["status"]["currentMetrics"][0]["resource"]["current"];
        let percent = current["averageUtilization"].as_u64();
        let percent = percent.with_context(|| format!("{name} says nothing of CPU: {scaler}"))?;
        Ok(u32::try_from(percent)?)
    }

    /// Waits until an autoscaler has what it decides by.
    async fn until_scaler_knows(&self, role: Role) -> Result<()> {
        let start = Instant::now();
        let name = format!("{NAME}-{}", role.name());
        loop {
            let scaler = self.release.kubernetes.object(&["hpa", &name]).await?;
            let conditions = scaler["status"]["conditions"].as_array();
            let is_active = conditions.is_some_and(|all| {
                all.iter()
                    .any(|it| it["type"] == "ScalingActive" && it["status"] == "True")
            });
            if is_active {
                return Ok(());
            }
            ensure!(
                start.elapsed() < PATIENCE,
                "{name} has no metrics: {scaler}"
            );
            tokio::time::sleep(POLL).await;
        }
    }

    async fn grow(&self) -> Result<()> {
        let samplers = self.release.kubernetes.pods_of(Role::Sampler).await?;
        let fault = self.begin(FaultKind::Join, &samplers).await?;
        self.load.send_replace(GROWN);
        self.history.note(format!("{GROWN:?}"));
        self.until(|pods| {
            count(pods, Role::Gateway) > GATEWAYS.0 && count(pods, Role::Sampler) == SAMPLERS.1
        })
        .await?;
        let pods = self.pods().await?;
        let (gateways, samplers) = (count(&pods, Role::Gateway), count(&pods, Role::Sampler));
        let evidence = format!("the autoscalers made {gateways} gateways and {samplers} samplers");
        self.end(fault, true, evidence).await
    }

    async fn shrink(&self) -> Result<()> {
        self.load.send_replace(USUAL);
        self.history.note(format!("{USUAL:?}"));
        // What was sent under the load before is answered.
        tokio::time::sleep(CALM).await;
        let mut going = self.release.kubernetes.pods_of(Role::Sampler).await?;
        going.sort_by(|one, other| one.name.cmp(&other.name));
        let fault = self
            .begin(
                FaultKind::Leave,
                going.get(SAMPLERS.0..).unwrap_or_default(),
            )
            .await?;
        let start = Instant::now();
        let mut leaving_most = 0;
        loop {
            let pods = self.pods().await?;
            let leaving = pods
                .iter()
                .filter(|it| it.role == Role::Sampler && it.is_leaving);
            leaving_most = leaving_most.max(leaving.count());
            if count(&pods, Role::Gateway) == GATEWAYS.0
                && count(&pods, Role::Sampler) == SAMPLERS.0
            {
                break;
            }
            ensure!(start.elapsed() < PATIENCE * 2, "the pods stay {pods:?}");
            tokio::time::sleep(POLL).await;
        }
        let evidence = format!(
            "the autoscalers left {} gateways and {} samplers, of which {leaving_most} left at a time",
            GATEWAYS.0, SAMPLERS.0
        );
        self.end(fault, leaving_most == 1, evidence).await
    }
}

fn uids(pods: &[Pod]) -> BTreeSet<&str> {
    pods.iter().map(|pod| pod.uid.as_str()).collect()
}

fn count(pods: &[Pod], role: Role) -> usize {
    pods.iter().filter(|pod| pod.role == role).count()
}
