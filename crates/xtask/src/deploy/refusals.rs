//! Values that the chart must refuse, and what it must say.

use super::{Outcome, chart, tools};
use anyhow::{Result, ensure};
use std::process::Command;

/// Values, and a word of the message.
const REFUSED: &[(&[&str], &str)] = &[
    (&["mode=both"], "mode"),
    (&["mode=cluster", "controller.replicas=2"], "replicas"),
    (&["mode=cluster", "controller.replicas=4"], "replicas"),
    (&["controler.replicas=3"], "controler"),
    (&["sampler.resource.limits.memory=1Gi"], "resource"),
    (&["drainTime=30"], "drainTime"),
    (&["drainTime=2m"], "terminationGracePeriodSeconds"),
    (&["preStopSleepSeconds=60"], "terminationGracePeriodSeconds"),
    (
        &["mode=cluster", "cluster.drainTimeout=5m"],
        "cluster.drainTimeout",
    ),
    (&["mode=cluster", "cluster.replication=3"], "replication"),
    (
        &["mode=cluster", "sampler.replicas=1"],
        "cluster.replication is 2",
    ),
    (&["mode=cluster", "cluster.tls.source=none"], "source"),
    (
        &["mode=cluster", "cluster.tls.source=secret"],
        "cluster.tls.secretName",
    ),
    (
        &[
            "mode=cluster",
            "cluster.tls.source=secret",
            "cluster.tls.secretName=x",
        ],
        "gateway.kind",
    ),
    (&["config.cluster.id=x"], "cluster"),
    (&["image.digest=latest"], "digest"),
    (
        &["mode=cluster", "controller.autoscaling.type=hpa"],
        "autoscaling",
    ),
    (
        &["mode=cluster", "sampler.autoscaling.minReplicas=20"],
        "minReplicas",
    ),
    (
        &[
            "mode=cluster",
            "sampler.autoscaling.type=hpa",
            "sampler.autoscaling.scaleDownPeriodSeconds=60",
        ],
        "scaleDownPeriodSeconds",
    ),
    (&["sampler.weight=0"], "weight"),
    (&["service.type=Cluster"], "type"),
];

/// Renders with each of them, which must fail for the reason.
pub(super) fn check() -> Result<Outcome> {
    let Ok(helm) = tools::helm() else {
        return Ok(Outcome::Skipped("there is no Helm".into()));
    };
    for (values, word) in REFUSED {
        let mut template = Command::new(&helm);
        template.args(["template", "tailweir", "--kube-version", chart::KUBERNETES]);
        template.arg(chart::folder());
        for value in *values {
            // As text where a number would lose its meaning to `--set`.
            let option = if value.starts_with("drainTime") {
                "--set-string"
            } else {
                "--set"
            };
            template.args([option, value]);
        }
        let ended = template.output()?;
        let said = String::from_utf8_lossy(&ended.stderr);
        ensure!(!ended.status.success(), "{} was rendered", values.join(" "));
        ensure!(
            said.contains(word),
            "{} was refused without {word}: {said}",
            values.join(" ")
        );
    }
    Ok(Outcome::Passed(format!(
        "{} kinds of wrong values refused, each by name",
        REFUSED.len()
    )))
}
