//! Clusters of three processes, and of one more that finds the controllers by a way that can be cut.

use super::super::load::{LIGHT, Shape};
use super::super::way::Way;
use super::{Blow, Subject, free_addresses};
use anyhow::Result;
use std::net::SocketAddr;
use std::path::Path;

/// More than the last member has room for.
const MANY: Shape = Shape {
    traces: 10,
    padding: 400,
    clients: 100,
    ..LIGHT
};
/// Small requests, so many at a time that most of them wait where one member stands still.
const PATIENT: Shape = Shape {
    traces: 10,
    clients: 250,
    ..LIGHT
};

/// What clusters differ in.
struct Kind {
    job: &'static str,
    wait: &'static str,
    /// Memory for traces of the last member.
    last_budget: &'static str,
    lease: &'static str,
    /// How many members hold a trace.
    replication: u8,
    /// Whether there is a fourth member, which only samples and finds the controllers by ways that can be cut.
    has_fourth: bool,
}

const SOUND: Kind = Kind {
    job: "cluster",
    wait: "1s",
    last_budget: "64MiB",
    lease: "3s",
    replication: 2,
    has_fourth: false,
};

/// One without a fault.
pub(super) fn sound(folder: &Path, backend: SocketAddr) -> Result<Subject> {
    cluster(folder, &SOUND, backend)
}

/// One whose last member has room for little.
pub(super) fn hurt(folder: &Path, backend: SocketAddr) -> Result<Subject> {
    let kind = Kind {
        job: "cluster-hurt",
        wait: "60s",
        last_budget: "8MiB",
        ..SOUND
    };
    Ok(Subject {
        shape: MANY,
        alerts: &["TailweirCopiesRefused"],
        ..cluster(folder, &kind, backend)?
    })
}

/// One whose last member stands still, and is waited for.
pub(super) fn paused(folder: &Path, backend: SocketAddr) -> Result<Subject> {
    let kind = Kind {
        job: "cluster-paused",
        lease: "60s",
        ..SOUND
    };
    Ok(Subject {
        shape: PATIENT,
        alerts_then: &["TailweirPartsWait"],
        blow: Blow::Pause,
        ..cluster(folder, &kind, backend)?
    })
}

/// One with a member that no longer hears the controllers.
pub(super) fn cut_off(folder: &Path, backend: SocketAddr) -> Result<Subject> {
    let kind = Kind {
        job: "cluster-cut-off",
        has_fourth: true,
        ..SOUND
    };
    Ok(Subject {
        alerts_then: &[
            "TailweirMemberBehind",
            "TailweirNoController",
            "TailweirTotalsBeginAnew",
        ],
        blow: Blow::CutOff,
        ..cluster(folder, &kind, backend)?
    })
}

/// One that holds each trace once, with a member that is killed.
pub(super) fn one_copy(folder: &Path, backend: SocketAddr) -> Result<Subject> {
    let kind = Kind {
        job: "cluster-one-copy",
        replication: 1,
        ..SOUND
    };
    Ok(Subject {
        alerts_then: &["TailweirTenuresLost"],
        blow: Blow::Kill,
        ..cluster(folder, &kind, backend)?
    })
}

/// Three members that do everything, and a fourth where the kind has one.
fn cluster(folder: &Path, kind: &Kind, backend: SocketAddr) -> Result<Subject> {
    let peers: [SocketAddr; 4] = free_addresses()?;
    let receivers: [SocketAddr; 4] = free_addresses()?;
    let pages: [SocketAddr; 4] = free_addresses()?;
    let seeds = &peers[..3];
    let ways = match kind.has_fourth {
        true => seeds
            .iter()
            .map(|&peer| Way::to(peer))
            .collect::<Result<_>>()?,
        false => Vec::new(),
    };
    let listed = |addresses: &mut dyn Iterator<Item = SocketAddr>| {
        let quoted: Vec<_> = addresses.map(|address| format!("\"{address}\"")).collect();
        quoted.join(", ")
    };
    let direct = listed(&mut seeds.iter().copied());
    let by_ways = listed(&mut ways.iter().map(Way::address));
    let member = |number: usize| {
        let (roles, controllers) = match number < seeds.len() {
            true => ("gateway, sampler, controller", &direct),
            false => ("sampler", &by_ways),
        };
        let budget = match number {
            2 => kind.last_budget,
            _ => "64MiB",
        };
        let member = Member {
            name: format!("{}-{number}", kind.job),
            roles,
            controllers,
            budget,
            peer: peers[number],
            receiver: receivers[number],
        };
        let text = configuration(kind, &member, folder, backend);
        (member.name, text, pages[number])
    };
    let count = if kind.has_fourth { 4 } else { 3 };
    Ok(Subject {
        job: kind.job,
        members: (0..count).map(member).collect(),
        receiver: receivers[0],
        shape: LIGHT,
        alerts: &[],
        alerts_then: &[],
        blow: Blow::Stop,
        ways,
    })
}

/// One process of a cluster.
struct Member<'a> {
    name: String,
    roles: &'a str,
    controllers: &'a str,
    budget: &'a str,
    peer: SocketAddr,
    receiver: SocketAddr,
}

fn configuration(kind: &Kind, member: &Member<'_>, folder: &Path, backend: SocketAddr) -> String {
    let Member {
        name,
        roles,
        controllers,
        budget,
        peer,
        receiver,
    } = member;
    let Kind {
        job,
        wait,
        lease,
        replication,
        ..
    } = kind;
    let data = folder.join(name);
    format!(
        "\
receivers: {{otlp: {{protocols: {{http: {{endpoint: \"{receiver}\"}}}}}}}}
processors:
  tail_sampling:
    decision_wait: {wait}
    memory_budget: {budget}
    policies: [{{name: errors, type: status_code, status_code: {{status_codes: [ERROR]}}}}]
connectors:
  span_metrics: {{metrics_flush_interval: 1s}}
exporters:
  otlp_http: {{endpoint: \"http://{backend}/takes\"}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [tail_sampling], exporters: [otlp_http]}}
    traces/all: {{receivers: [otlp], exporters: [span_metrics]}}
    metrics: {{receivers: [span_metrics], exporters: [otlp_http]}}
cluster:
  id: {job}
  name: {name}
  roles: [{roles}]
  listen: \"{peer}\"
  advertise: \"{peer}\"
  controllers: [{controllers}]
  data_dir: \"{}\"
  lease: {lease}
  replication: {replication}
  insecure: true
",
        data.display()
    )
}
