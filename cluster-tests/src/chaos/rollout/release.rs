//! A release of the chart, by Helm.

use super::autoscaling::{self, Targets};
use super::kubernetes::Kubernetes;
use crate::chaos::configuration::{OTLP_PORT, Pipeline};
use crate::chaos::tool;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use tailweir_testkit::Authority;
use tokio::process::Command;
use tokio::time::Instant;

/// Name of the release and of its objects.
pub(super) const NAME: &str = "tailweir";
/// The cluster's own name, which is in certificates.
const CLUSTER: &str = "rollout";
/// Where certificates are.
const PEERS: &str = "tailweir-peers";
/// Most pods of a role in any run.
const CONTROLLERS_MAX: usize = 3;
const SAMPLERS_MAX: usize = 5;
const GATEWAYS_MAX: usize = 4;
/// Image that the nodes have.
const IMAGE: &str = "tailweir.local/tailweir";

/// What the chart makes of Kubernetes' own.
const KINDS: &str = "pods,services,statefulsets,deployments,configmaps,secrets,serviceaccounts,poddisruptionbudgets,networkpolicies,horizontalpodautoscalers";

/// Its pods have drained and are gone in this time.
const GONE_MAX: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(500);

/// What the chart is asked for.
#[derive(Debug, Clone)]
pub(super) struct Values {
    /// Whether gateways, samplers and controllers are pods of their own.
    pub(super) is_cluster: bool,
    pub(super) samplers: usize,
    /// Where autoscalers say how many gateways and samplers there are: what they aim at.
    pub(super) autoscaling: Option<Targets>,
    /// In the annotations of every pod, so that another number replaces all of them.
    pub(super) generation: u32,
    pub(super) pipeline: Pipeline,
}

impl Values {
    fn text(&self) -> String {
        let mode = if self.is_cluster { "cluster" } else { "single" };
        let (samplers, generation) = (self.samplers, self.generation);
        let receiver = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), OTLP_PORT);
        let scalers = self.autoscaling.map(autoscaling::values);
        let (gateway, sampler) = scalers.unwrap_or_default();
        let pipeline = self.pipeline.text(receiver).replace('\n', "\n  ");
        format!(
            "\
mode: {mode}
fullnameOverride: {NAME}
image: {{repository: {IMAGE}, tag: test, pullPolicy: Never}}
podAnnotations: {{generation: \"{generation}\"}}
drainTime: 15s
single:
  resources: {{requests: {{cpu: 50m, memory: 64Mi}}, limits: {{memory: 256Mi}}}}
gateway:
  kind: StatefulSet
  resources: {{requests: {{cpu: 50m, memory: 64Mi}}, limits: {{memory: 256Mi}}}}
{gateway}sampler:
  replicas: {samplers}
  resources: {{requests: {{cpu: 50m, memory: 64Mi}}, limits: {{memory: 256Mi}}}}
{sampler}controller:
  resources: {{requests: {{cpu: 50m, memory: 64Mi}}, limits: {{memory: 128Mi}}}}
cluster:
  id: {CLUSTER}
  tls: {{source: secret, secretName: {PEERS}}}
config:
  {pipeline}
"
        )
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) kubernetes: Kubernetes,
    helm: PathBuf,
    chart: PathBuf,
    /// Where files for Helm and kubectl are written.
    folder: PathBuf,
}

impl Release {
    pub(super) fn new(
        kubernetes: Kubernetes,
        helm: PathBuf,
        chart: PathBuf,
        folder: PathBuf,
    ) -> Self {
        Self {
            kubernetes,
            helm,
            chart,
            folder,
        }
    }

    /// A namespace that holds pods to Kubernetes' strictest profile, with certificates for all pods that may come.
    pub(super) async fn prepare(&self) -> Result<()> {
        let namespace = self.kubernetes.namespace();
        self.kubernetes
            .run(&["create", "namespace", namespace])
            .await?;
        let enforce = "pod-security.kubernetes.io/enforce=restricted";
        self.kubernetes
            .run(&["label", "namespace", namespace, enforce])
            .await?;
        let authority = Authority::new();
        let mut files = vec![("ca.crt".to_owned(), authority.pem().to_owned())];
        let counts = [
            ("controller", CONTROLLERS_MAX),
            ("sampler", SAMPLERS_MAX),
            ("gateway", GATEWAYS_MAX),
        ];
        for (role, count) in counts {
            for ordinal in 0..count {
                let pod = format!("{NAME}-{role}-{ordinal}");
                let signed = authority.sign_uris(&[&format!("tailweir://{CLUSTER}/{role}/{pod}")]);
                files.push((format!("{pod}.crt"), signed.certificate));
                files.push((format!("{pod}.key"), signed.key));
            }
        }
        let folder = self.folder.join("certificates");
        fs::create_dir_all(&folder)?;
        for (name, text) in files {
            fs::write(folder.join(&name), text)
                .with_context(|| format!("cannot write {name} of {}", folder.display()))?;
        }
        let from = format!("--from-file={}", folder.display());
        let secret = ["create", "secret", "generic", PEERS, &from];
        self.kubernetes.run(&secret).await.map(drop)
    }

    pub(super) async fn install(&self, values: &Values) -> Result<()> {
        self.apply("install", values).await
    }

    pub(super) async fn upgrade(&self, values: &Values) -> Result<()> {
        self.apply("upgrade", values).await
    }

    async fn apply(&self, verb: &str, values: &Values) -> Result<()> {
        let file = self.folder.join("values.yaml");
        fs::write(&file, values.text())?;
        let mut helm = self.helm(&[verb, NAME]);
        helm.arg(&self.chart).arg("--values").arg(&file);
        helm.args(["--wait", "--timeout", "8m"]);
        tool::output(helm, "helm").await.map(drop)
    }

    /// What the schema says of values that are wrong.
    pub(super) async fn refused(&self, wrong: &str) -> Result<String> {
        let mut helm = self.helm(&["upgrade", NAME]);
        helm.arg(&self.chart)
            .args(["--reuse-values", "--set", wrong]);
        match tool::output(helm, "helm").await {
            Ok(_) => bail!("{wrong} was not refused"),
            Err(said) => Ok(format!("{said:#}")),
        }
    }

    pub(super) async fn test(&self) -> Result<()> {
        let helm = self.helm(&["test", NAME, "--timeout", "2m"]);
        tool::output(helm, "helm").await.map(drop)
    }

    pub(super) async fn roll_back(&self) -> Result<()> {
        let helm = self.helm(&["rollback", NAME, "--wait", "--timeout", "8m"]);
        tool::output(helm, "helm").await.map(drop)
    }

    /// Removes it; nothing of it stays but the volumes of controllers, which Kubernetes keeps.
    pub(super) async fn uninstall(&self) -> Result<()> {
        let helm = self.helm(&["uninstall", NAME, "--wait", "--timeout", "5m"]);
        tool::output(helm, "helm").await?;
        let selector = format!("--selector=app.kubernetes.io/instance={NAME}");
        let start = Instant::now();
        loop {
            // Helm does not wait for pods that drain.
            let left = ["get", KINDS, &selector, "--output", "name"];
            let left = self.kubernetes.run(&left).await?;
            if left.trim().is_empty() {
                return Ok(());
            }
            ensure!(start.elapsed() < GONE_MAX, "an uninstall leaves {left}");
            tokio::time::sleep(POLL).await;
        }
    }

    fn helm(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.helm);
        command.args(["--namespace", self.kubernetes.namespace()]);
        command.args(arguments);
        command
    }
}
