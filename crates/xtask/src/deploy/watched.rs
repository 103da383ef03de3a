//! Alerts and dashboards on the running product: real processes, one after the other for each fault, and a real
//! Prometheus with our rules that scrapes them all.
//!
//! Each subject is a job of its own. Alerts wait for nothing here (their `for` is a matter of `promtool`), so
//! that each has to fire on the job that has its fault, and none on those that have none.

mod backend;
mod expressions;
mod flip;
mod load;
mod subjects;
mod way;

use super::Outcome;
use crate::root;
use crate::servers::{Prometheus, Release, empty_folder, free_addresses, until};
use anyhow::{Context, Result, ensure};
use expressions::Expressions;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use subjects::{HEALTHY, STAYING, Subject};

/// Only their `for`, which is left out here, makes alerts of these: a member is behind for the moment that a table takes to
/// reach it, and has kept nothing until it has kept the first trace.
const IN_PASSING: &[&str] = &["TailweirMemberBehind", "TailweirKeepsNothing"];
/// These neither, as long as a cluster forms: they count once their process has been ready.
const WHILE_FORMING: &[&str] = &["TailweirNotReady", "TailweirNoController"];
/// These tell that a process is gone, as those of a cluster are after their turn: they count for the one that stays.
const ONCE_GONE: &[&str] = &["TailweirNotScraped"];

/// Runs all of it, which takes some minutes.
pub(super) fn check() -> Result<Outcome> {
    let release = match Release::packaged().and_then(|it| flip::install().map(|()| it)) {
        Ok(release) => release,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    let mut cargo = crate::cargo();
    crate::run(
        cargo
            .args(["build", "--package", "tailweir"])
            .args(flip::BUILD),
    )?;
    let folder = root().join("target/watched");
    empty_folder(&folder)?;
    let backend = backend::start()?;
    let healthy = Subject::healthy(backend)?;
    let in_turn = Subject::in_turn(&folder, backend)?;
    let running = healthy.start(&folder)?;
    let prometheus = watch(&release, &folder, in_turn.iter().chain([&healthy]))?;
    let mut expressions = Expressions::read()?;
    let mut fired = BTreeSet::new();
    for subject in &in_turn {
        fired.extend(provoke(&prometheus, subject, &folder, &mut expressions)?);
    }
    drop(running);
    let alerts = super::rules::alerts()?;
    ensure!(fired == alerts, "fired {fired:?}\nthere are {alerts:?}");
    let expressions = expressions.finish(&prometheus)?;
    let noise = prometheus.query(&noise())?;
    ensure!(noise.is_empty(), "alerts on healthy processes: {noise:?}");
    Ok(Outcome::Passed(format!(
        "{} alerts fired in their faults, none on healthy processes; {expressions}",
        fired.len()
    )))
}

/// Alerts on healthy processes in the last hour. Rules look once a second, so that what they say of a moment is gone some
/// seconds later.
fn noise() -> String {
    let (in_passing, forming) = (IN_PASSING.join("|"), WHILE_FORMING.join("|"));
    let gone = ONCE_GONE.join("|");
    let always = format!(
        "count_over_time(ALERTS{{job=~\"{HEALTHY}\",alertname!~\"{in_passing}|{forming}|{gone}\"}}[1h])"
    );
    let while_there =
        format!("count_over_time(ALERTS{{job=\"{STAYING}\",alertname=~\"{gone}\"}}[1h])");
    let once_ready = format!(
        "count_over_time((ALERTS{{job=~\"{HEALTHY}\",alertname=~\"{forming}\"}} \
         and on (job, instance) max_over_time(tailweir_ready[1h] offset 5s) == 1)[1h:1s])"
    );
    format!("count by (alertname, job) ({always} or {while_there} or {once_ready})")
}

/// A Prometheus that scrapes these, whether they run or not.
fn watch<'a>(
    release: &Release,
    folder: &Path,
    subjects: impl Iterator<Item = &'a Subject>,
) -> Result<Prometheus> {
    let pages: Vec<_> = subjects
        .map(|subject| (subject.job, subject.pages()))
        .collect();
    let jobs: Vec<_> = pages
        .iter()
        .map(|(job, pages)| (*job, pages.as_slice()))
        .collect();
    let rules = shortened_rules(folder)?;
    let [address] = free_addresses()?;
    let folder = folder.join("prometheus");
    Prometheus::start(release, &folder, address, &jobs, &rules, &[])
}

/// Runs a subject until it delivers and its alerts have fired; these.
fn provoke(
    prometheus: &Prometheus,
    subject: &Subject,
    folder: &Path,
    expressions: &mut Expressions,
) -> Result<Vec<String>> {
    let running = subject.start(folder)?;
    let job = subject.job;
    let taken = format!("sum(rate(tailweir_acknowledged_items{{job=\"{job}\"}}[1m])) > bool 0");
    prometheus.until(&taken, "1")?;
    for alert in subject.alerts {
        fires(prometheus, subject.job, alert)?;
    }
    expressions.look(prometheus)?;
    if !subject.alerts_then.is_empty() {
        subject.strike(&running)?;
        for alert in subject.alerts_then {
            fires(prometheus, subject.job, alert)?;
        }
        subject.look_after(&running)?;
    }
    let all = subject.alerts.iter().chain(subject.alerts_then);
    Ok(all.map(ToString::to_string).collect())
}

fn fires(prometheus: &Prometheus, job: &str, alert: &str) -> Result<()> {
    let query = format!("ALERTS{{alertname=\"{alert}\",job=\"{job}\",alertstate=\"firing\"}}");
    until(&format!("{alert} on {job}"), || {
        Ok(!prometheus.query(&query)?.is_empty())
    })?;
    println!("watched: {alert} fires on {job}");
    Ok(())
}

/// Copies of the rules that wait for nothing, look back less far for what never fell, and are evaluated every second.
fn shortened_rules(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for name in ["recording.yaml", "alerts.yaml"] {
        let source = root().join("deploy/prometheus").join(name);
        let text = std::fs::read_to_string(&source).context("the rules cannot be read")?;
        let is_kept = |line: &&str| {
            let line = line.trim_start();
            !line.starts_with("for: ") && !line.starts_with("interval: ")
        };
        let lines = text.lines().filter(is_kept);
        let lines: Vec<_> = lines
            .map(|line| match line.contains("avg_over_time(") {
                true => line.replace("[1m]", "[10s]"),
                false => line.to_owned(),
            })
            .collect();
        let file = folder.join(name);
        std::fs::write(&file, lines.join("\n"))?;
        files.push(file);
    }
    Ok(files)
}
