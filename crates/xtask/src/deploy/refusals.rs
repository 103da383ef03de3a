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
    (
        &[
            "mode=cluster",
            "cluster.drainTimeout=61m",
            "sampler.terminationGracePeriodSeconds=4000",
        ],
        "cluster.drainTimeout is 61m",
    ),
    (&["mode=cluster", "cluster.lease=100s"], "cluster.lease"),
    (&["mode=cluster", "cluster.lease=900ms"], "cluster.lease"),
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
    (&["alternateConfig.receivers.otlp=x"], "alternateConfig"),
    (
        &[
            "alternateConfig.service.a=b",
            "alternateConfig.cluster.id=x",
        ],
        "cluster",
    ),
    (
        &["alternateConfig.service.a=b", "existingConfigMap=x"],
        "existingConfigMap",
    ),
    (&["listenHost=::"], "listenHost"),
    (
        &["extraPorts[0].name=pages", "extraPorts[0].port=8888"],
        "8888",
    ),
    (
        &["extraPorts[0].name=admin", "extraPorts[0].port=8889"],
        "admin",
    ),
    (
        &[
            "extraPorts[0].name=a",
            "extraPorts[0].port=9411",
            "extraPorts[1].name=a",
            "extraPorts[1].port=9412",
        ],
        "the name a",
    ),
    (
        &[
            "extraPorts[0].name=a",
            "extraPorts[0].port=9411",
            "extraPorts[1].name=b",
            "extraPorts[1].port=9411",
        ],
        "9411",
    ),
    (
        &[
            "extraPorts[0].name=a",
            "extraPorts[0].port=8125",
            "extraPorts[0].protocol=udp",
        ],
        "protocol",
    ),
    (
        &[
            "extraPorts[0].name=a",
            "extraPorts[0].port=8889",
            "extraPorts[0].protocol=UDP",
            "extraPorts[0].metrics=true",
        ],
        "metrics",
    ),
    (
        &[
            "single.persistence.enabled=true",
            "single.persistence.mountPath=/var/lib/tailweir",
        ],
        "mountPath",
    ),
    (
        &[
            "mode=cluster",
            "sampler.persistence.enabled=true",
            "extraVolumeMounts[0].name=x",
            "extraVolumeMounts[0].mountPath=/var/lib/tailweir-queue",
        ],
        "mountPath",
    ),
    (
        &[
            "mode=cluster",
            "sampler.persistence.enabled=true",
            "extraVolumes[0].name=queue",
        ],
        "extraVolumes",
    ),
    (&["sampler.persistence.mountPath=queue"], "mountPath"),
    (&["sampler.persistence.size=10GB"], "size"),
    (&["gateway.persistence.enabled=true"], "persistence"),
    (&["test.otlp=1"], "otlp"),
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
