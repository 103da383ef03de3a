//! Autoscalers: the load grows until there are more gateways and samplers, and falls until these are gone again.

use super::kubernetes::Pod;
use super::release::NAME;
use super::runner::{PATIENCE, POLL, Runner};
use crate::chaos::configuration::Role;
use crate::chaos::event::FaultKind;
use crate::chaos::scenario::{LARGE, USUAL};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// Fewest and most pods of a role.
const GATEWAYS: (usize, usize) = (2, 4);
const SAMPLERS: (usize, usize) = (3, 5);
/// What pods need is looked at for so long before an autoscaler is told what is much.
const CALIBRATION: Duration = Duration::from_secs(40);
/// A sampler with a budget as small as here keeps empty memory for the next burst, in percent: aimed at less, none would be
/// taken away.
const EMPTY_PERCENT: u32 = 12;
/// Between the end of the load and what comes of it.
const CALM: Duration = Duration::from_secs(3);

/// What is as it should be, to autoscalers: the CPU of gateways, in percent of what they request, and the memory of samplers for
/// traces.
#[derive(Debug, Clone, Copy)]
pub(super) struct Targets {
    gateway_cpu_percent: u32,
    sampler_memory_percent: u32,
}

impl Targets {
    /// No pod needs so much.
    const OUT_OF_REACH: Self = Self {
        gateway_cpu_percent: 1_000,
        sampler_memory_percent: 95,
    };
}

/// Autoscalers of both roles, as values of the chart for gateways and samplers. A pod is taken away sooner than by
/// default, and a sampler still not before the one before it has drained.
pub(super) fn values(targets: Targets) -> (String, String) {
    let Targets {
        gateway_cpu_percent,
        sampler_memory_percent,
    } = targets;
    let of = |(least, most): (usize, usize), rest: &str| {
        format!(
            "  autoscaling: {{type: hpa, minReplicas: {least}, maxReplicas: {most}, scaleDownStabilizationSeconds: 20, {rest}}}\n"
        )
    };
    (
        of(
            GATEWAYS,
            &format!("targetCPUUtilization: {gateway_cpu_percent}"),
        ),
        of(
            SAMPLERS,
            &format!(
                "targetMemoryUtilization: {sampler_memory_percent}, scaleDownPeriodSeconds: 120"
            ),
        ),
    )
}

impl Runner<'_> {
    /// Up and down once. No pod is replaced for having an autoscaler, and samplers leave one at a time.
    pub(super) async fn autoscale(&mut self) -> Result<()> {
        let before = self.pods().await?;
        let mut targets = Targets::OUT_OF_REACH;
        self.aim_at(Some(targets)).await?;
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
        targets.gateway_cpu_percent = (usual * 4 / 3).max(1);
        self.aim_at(Some(targets)).await?;
        self.grow(targets).await?;
        self.shrink().await?;
        self.aim_at(None).await
    }

    async fn aim_at(&mut self, targets: Option<Targets>) -> Result<()> {
        self.values.autoscaling = targets;
        self.release.upgrade(self.values).await
    }

    /// As their autoscaler sees it.
    async fn gateway_cpu_percent(&self) -> Result<u32> {
        let current = self.current_metric(Role::Gateway).await?;
        let percent = current["resource"]["current"]["averageUtilization"].as_u64();
        let percent = percent.with_context(|| format!("nothing of CPU: {current}"))?;
        Ok(u32::try_from(percent)?)
    }

    /// The same.
    async fn sampler_memory_percent(&self) -> Result<u32> {
        let current = self.current_metric(Role::Sampler).await?;
        let share = current["pods"]["current"]["averageValue"].as_str();
        let thousandths = share.and_then(|share| share.strip_suffix('m')?.parse::<u32>().ok());
        let thousandths = thousandths.with_context(|| format!("no part of one: {current}"))?;
        Ok(thousandths / 10)
    }

    async fn current_metric(&self, role: Role) -> Result<Value> {
        let name = format!("{NAME}-{}", role.name());
        let scaler = self.release.kubernetes.object(&["hpa", &name]).await?;
        Ok(scaler["status"]["currentMetrics"][0].clone())
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

    /// Under more load, of whose memory more than half is called as it should be: so the most samplers are as many as are needed.
    async fn grow(&mut self, mut targets: Targets) -> Result<()> {
        let samplers = self.release.kubernetes.pods_of(Role::Sampler).await?;
        let fault = self.begin(FaultKind::Join, &samplers).await?;
        self.load.send_replace(LARGE);
        self.history.note(format!("{LARGE:?}"));
        tokio::time::sleep(CALIBRATION).await;
        let grown = self.sampler_memory_percent().await?;
        self.history
            .note(format!("samplers need {grown} % of their memory"));
        let target = (grown * 3 / 5).max(EMPTY_PERCENT);
        targets.sampler_memory_percent = target;
        ensure!(
            grown * 3 > target * 4,
            "samplers need {grown} % of their memory, too little for more of them than {}",
            SAMPLERS.0
        );
        self.aim_at(Some(targets)).await?;
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
