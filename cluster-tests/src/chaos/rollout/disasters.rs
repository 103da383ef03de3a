//! What the notes on disasters are about (`docs/kubernetes.md`), done to a release and mended by the commands that they give.

use super::kubernetes::{Pod, SELECTOR};
use super::release::NAME;
use super::runner::{AWAY, Runner};
use crate::chaos::configuration::Role;
use crate::chaos::event::FaultKind;
use anyhow::{Result, ensure};

/// What the chart calls a role's pods.
const SAMPLERS: &str = "--selector=app.kubernetes.io/component=sampler";
const CONTROLLERS: &str = "--selector=app.kubernetes.io/component=controller";

impl Runner<'_> {
    /// Most controllers are gone for a while, and come back with their volumes. Nothing may change meanwhile.
    pub(super) async fn lose_quorum(&mut self) -> Result<()> {
        let controllers = self.pods_of(Role::Controller).await?;
        let before = self.standing().await?;
        let fault = self.begin(FaultKind::Kill, &controllers).await?;
        self.leave_one_controller(&controllers).await?;
        tokio::time::sleep(AWAY).await;
        let meanwhile = self.standing().await?;
        let is_gone = meanwhile.leader.is_none();
        let is_same = (&meanwhile.owned, meanwhile.epoch) == (&before.owned, before.epoch);
        self.ask_for(Role::Controller, controllers.len()).await?;
        let evidence = format!(
            "no leader among 1 of {} controllers for {} s: {is_gone}; slots stayed where they were: {is_same}",
            controllers.len(),
            AWAY.as_secs()
        );
        self.end(fault, is_gone && is_same, evidence).await
    }

    /// A sampler is lost while most controllers are gone. Nobody takes over from it until they are back.
    pub(super) async fn lose_quorum_and_sampler(&mut self) -> Result<()> {
        let controllers = self.pods_of(Role::Controller).await?;
        let mut samplers = self.pods_of(Role::Sampler).await?;
        let victim = samplers.swap_remove(self.random.usize(..samplers.len()));
        let fault = self
            .begin(FaultKind::Kill, std::slice::from_ref(&victim))
            .await?;
        self.leave_one_controller(&controllers).await?;
        self.delete_by_force(&victim.name).await?;
        tokio::time::sleep(AWAY).await;
        let pods = self.pods_of(Role::Sampler).await?;
        let is_waiting = |pod: &Pod| pod.name == victim.name && !pod.is_ready;
        let waits = pods.iter().any(is_waiting);
        self.ask_for(Role::Controller, controllers.len()).await?;
        let evidence = format!("{} waits for the controllers: {waits}", victim.name);
        self.end(fault, waits, evidence).await
    }

    /// All samplers at once, by force. What they held is lost, and that is counted.
    pub(super) async fn lose_samplers(&mut self) -> Result<()> {
        let samplers = self.pods_of(Role::Sampler).await?;
        let before = self.standing().await?.lost;
        let fault = self.begin(FaultKind::Kill, &samplers).await?;
        let kubernetes = &self.release.kubernetes;
        let force = ["--force", "--grace-period=0"];
        kubernetes
            .run(&[&["delete", "pods", SAMPLERS][..], &force].concat())
            .await?;
        let is_new = |pod: &Pod| pod.is_ready && samplers.iter().all(|old| old.uid != pod.uid);
        self.until(|pods| {
            let new = pods.iter().filter(|pod| pod.role == Role::Sampler);
            new.filter(|pod| is_new(pod)).count() == samplers.len()
        })
        .await?;
        let lost = self.standing().await?.lost - before;
        let evidence = format!(
            "{} samplers came back, {lost} tenures are counted as lost",
            samplers.len()
        );
        self.end(fault, lost > 0, evidence).await
    }

    /// All controllers with their volumes: what is left is stopped, and begins anew.
    pub(super) async fn lose_volumes(&mut self) -> Result<()> {
        let pods = self.pods().await?;
        let count = |role| pods.iter().filter(|pod| pod.role == role).count();
        let fault = self.begin(FaultKind::Kill, &pods).await?;
        let kubernetes = &self.release.kubernetes;
        let claims = ["delete", "persistentvolumeclaims", CONTROLLERS];
        kubernetes
            .run(&[&claims[..], &["--wait=false"]].concat())
            .await?;
        let force = ["delete", "pods", CONTROLLERS, "--force", "--grace-period=0"];
        kubernetes.run(&force).await?;
        tokio::time::sleep(AWAY).await;
        let meanwhile = self.standing().await;
        self.history
            .note(format!("before anybody does something: {meanwhile:?}"));
        // As the note says.
        let stop = [
            "scale",
            "statefulsets,deployments",
            SELECTOR,
            "--replicas=0",
        ];
        kubernetes.run(&stop).await?;
        let gone = ["wait", "--for=delete", "pods", SELECTOR, "--timeout=10m"];
        kubernetes.run(&gone).await?;
        kubernetes.run(&claims).await?;
        for role in [Role::Controller, Role::Sampler, Role::Gateway] {
            self.ask_for(role, count(role)).await?;
        }
        let settled = self.settle().await?;
        let standing = self.standing().await?;
        let evidence = format!(
            "a new cluster at epoch {} after {settled:?} ms, {} slots have an owner",
            standing.epoch, standing.assigned
        );
        self.end(fault, settled.is_some(), evidence).await
    }

    async fn pods_of(&self, role: Role) -> Result<Vec<Pod>> {
        self.release.kubernetes.pods_of(role).await
    }

    /// Takes away all controllers but one, which is no majority.
    async fn leave_one_controller(&self, controllers: &[Pod]) -> Result<()> {
        ensure!(
            controllers.len() > 2,
            "one of {} is a majority",
            controllers.len()
        );
        self.ask_for(Role::Controller, 1).await?;
        self.until(|pods| {
            pods.iter()
                .filter(|pod| pod.role == Role::Controller)
                .count()
                == 1
        })
        .await
    }

    async fn ask_for(&self, role: Role, count: usize) -> Result<()> {
        let workload = format!("statefulset/{NAME}-{}", role.name());
        let replicas = format!("--replicas={count}");
        let scale = ["scale", &workload, &replicas];
        self.release.kubernetes.run(&scale).await.map(drop)
    }
}
