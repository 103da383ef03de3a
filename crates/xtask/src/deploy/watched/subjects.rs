//! The processes that are watched: two healthy jobs, and one for each kind of fault.

mod cluster;

use super::flip::{BOOKS_ARE_OFF, Flip, SCAN_IS_SHORT};
use super::load::{HEAVY, LIGHT, Load, Shape};
use super::way::Way;
use crate::servers::{Tailweir, free_addresses};
use anyhow::Result;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Jobs on which no alert may fire.
pub(super) const HEALTHY: &str = "healthy|cluster";
/// The one of them that runs from the beginning to the end.
pub(super) const STAYING: &str = "healthy";

/// A process, or three that are a cluster, with clients that send to it. Dropping it kills it.
pub(super) struct Running {
    processes: Vec<Tailweir>,
    _load: Load,
}

/// What is started: its configurations, and what has to come of it.
pub(super) struct Subject {
    pub(super) job: &'static str,
    /// Names, configurations and addresses of pages.
    members: Vec<(String, String, SocketAddr)>,
    receiver: SocketAddr,
    shape: Shape,
    /// What fires under load.
    pub(super) alerts: &'static [&'static str],
    /// What fires once [`Self::strike`] has struck.
    pub(super) alerts_then: &'static [&'static str],
    blow: Blow,
    /// From the last member to the controllers, where that can be cut off.
    ways: Vec<Way>,
}

/// What happens to a subject under load.
#[derive(Clone, Copy)]
enum Blow {
    /// All are told to stop, which they cannot while their backend is busy.
    Stop,
    /// The last member stands still.
    Pause,
    /// The last member, or the only one, is gone.
    Kill,
    /// The last member is cut off the controllers, and another leaves, so that there is news that it does not hear.
    CutOff,
    /// A number changes in the memory of the only one.
    Flip(&'static Flip),
}

/// Where an API of Kubernetes would be, and nobody listens.
fn no_kubernetes() -> [(&'static str, String); 2] {
    [
        ("KUBERNETES_SERVICE_HOST", "127.0.0.1".to_owned()),
        ("KUBERNETES_SERVICE_PORT", "9".to_owned()),
    ]
}

impl Subject {
    /// The process without a fault.
    pub(super) fn healthy(backend: SocketAddr) -> Result<Self> {
        Self::of_fault(&SOUND, backend)
    }

    /// Those that run one after the other: processes with a fault, a cluster without one, a cluster with some.
    pub(super) fn in_turn(folder: &Path, backend: SocketAddr) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        for fault in FAULTS {
            all.push(Self::of_fault(fault, backend)?);
        }
        all.push(cluster::sound(folder, backend)?);
        all.push(cluster::hurt(folder, backend)?);
        all.push(cluster::paused(folder, backend)?);
        all.push(cluster::cut_off(folder, backend)?);
        all.push(cluster::one_copy(folder, backend)?);
        Ok(all)
    }

    fn of_fault(fault: &Fault, backend: SocketAddr) -> Result<Self> {
        let [receiver, admin, page] = free_addresses()?;
        let text = configuration(fault, receiver, page, backend);
        Ok(Self {
            job: fault.job,
            members: vec![(fault.job.to_owned(), text, admin)],
            receiver,
            shape: fault.shape,
            alerts: fault.alerts,
            alerts_then: fault.alerts_then,
            blow: fault.blow,
            ways: Vec::new(),
        })
    }

    /// Its pages.
    pub(super) fn pages(&self) -> Vec<SocketAddr> {
        self.members.iter().map(|(_, _, page)| *page).collect()
    }

    /// Starts its processes, and its clients once all are ready.
    pub(super) fn start(&self, folder: &Path) -> Result<Running> {
        let mut processes = Vec::new();
        for (name, text, page) in &self.members {
            let file: PathBuf = folder.join(format!("{name}.yaml"));
            std::fs::write(&file, text)?;
            let arguments = ["--config".into(), file];
            processes.push(Tailweir::spawn(name, arguments, &no_kubernetes(), *page)?);
        }
        for process in &processes {
            process.wait_until_ready()?;
        }
        Ok(Running {
            processes,
            _load: Load::begin(self.receiver, self.shape),
        })
    }

    /// Lets its blow fall.
    pub(super) fn strike(&self, running: &Running) -> Result<()> {
        let processes = &running.processes;
        let (signal, struck) = match self.blow {
            Blow::Stop => ("TERM", &processes[..]),
            Blow::Pause => ("STOP", &processes[processes.len() - 1..]),
            Blow::Kill => ("KILL", &processes[processes.len() - 1..]),
            Blow::CutOff => ("TERM", &processes[1..2]),
            Blow::Flip(flip) => return flip.strike(&processes[0]),
        };
        self.ways.iter().for_each(Way::cut);
        struck.iter().try_for_each(|it| it.signal(signal))
    }

    /// Looks what became of those that have to live on after the blow.
    pub(super) fn look_after(&self, running: &Running) -> Result<()> {
        match self.blow {
            Blow::Flip(flip) => flip.is_survived(&running.processes[0]),
            Blow::Stop | Blow::Pause | Blow::Kill | Blow::CutOff => Ok(()),
        }
    }
}

/// What makes a process faulty.
struct Fault {
    job: &'static str,
    /// Path of the backend.
    backend: &'static str,
    /// Sampler.
    sampler: &'static str,
    /// The queue in front of the backend, and further settings of its exporter.
    exporter: &'static str,
    /// Processors before the sampler, with a comma, and what they are.
    before: (&'static str, &'static str),
    /// Most series on the page for Prometheus.
    series: usize,
    shape: Shape,
    alerts: &'static [&'static str],
    /// What fires once the blow has fallen.
    alerts_then: &'static [&'static str],
    blow: Blow,
}

const POLICIES: &str = "decision_wait: 1s, policies: [{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}, {name: share, type: probabilistic, probabilistic: {sampling_percentage: 10}}]";
const SOUND: Fault = Fault {
    job: "healthy",
    backend: "takes",
    sampler: POLICIES,
    exporter: "",
    before: ("", ""),
    series: 1000,
    shape: LIGHT,
    alerts: &[],
    alerts_then: &[],
    blow: Blow::Stop,
};
const AGAIN: &str = "retry_on_failure: {initial_interval: 100ms, max_interval: 100ms, max_elapsed_time: 0s}, sending_queue: {queue_size: 2, num_consumers: 1}";

const FAULTS: &[Fault] = &[
    Fault {
        job: "backend-refuses",
        backend: "refuses",
        alerts: &["TailweirLosesData", "TailweirExportsFail"],
        ..SOUND
    },
    Fault {
        job: "backend-busy",
        backend: "busy",
        sampler: "decision_wait: 1s, memory_budget: 8MiB, policies: [{name: all, type: always_sample}]",
        exporter: AGAIN,
        shape: HEAVY,
        alerts: &[
            "TailweirBackendStruggles",
            "TailweirExporterQueueFills",
            "TailweirHoldsBack",
            "TailweirRefusesData",
        ],
        alerts_then: &["TailweirNotReady"],
        ..SOUND
    },
    Fault {
        job: "window-small",
        sampler: "decision_wait: 60s, memory_budget: 8MiB, policies: [{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}]",
        shape: HEAVY,
        alerts: &["TailweirMemoryNearBudget", "TailweirDecidesEarly"],
        ..SOUND
    },
    Fault {
        job: "memory-full",
        backend: "busy",
        sampler: "decision_wait: 60s, memory_budget: 64MiB, policies: [{name: all, type: always_sample}]",
        exporter: AGAIN,
        before: (
            "memory_limiter, ",
            "  memory_limiter: {check_interval: 1s, limit_mib: 8, spike_limit_mib: 1}\n",
        ),
        shape: HEAVY,
        alerts: &["TailweirAdmissionIsFull"],
        ..SOUND
    },
    Fault {
        job: "policies-fail",
        sampler: "decision_wait: 1s, policies: [{name: broken, type: ottl_condition, ottl_condition: {error_mode: propagate, span: ['ParseJSON(attributes[\"padding\"])[\"x\"] == 1']}}]",
        alerts: &["TailweirPoliciesFail", "TailweirKeepsNothing"],
        ..SOUND
    },
    Fault {
        job: "spans-late",
        shape: Shape {
            late: true,
            ..LIGHT
        },
        alerts: &["TailweirSpansComeLate"],
        ..SOUND
    },
    Fault {
        job: "kubernetes-silent",
        before: ("k8s_attributes, ", "  k8s_attributes: {auth_type: none}\n"),
        alerts: &["TailweirKubernetesFails"],
        ..SOUND
    },
    Fault {
        job: "series-many",
        series: 1,
        alerts: &["TailweirSeriesOverflow"],
        ..SOUND
    },
    Fault {
        job: "part-panics",
        alerts_then: &["TailweirActorRestarts"],
        blow: Blow::Flip(&SCAN_IS_SHORT),
        ..SOUND
    },
    Fault {
        job: "process-gone",
        alerts_then: &["TailweirNotScraped"],
        blow: Blow::Kill,
        ..SOUND
    },
    Fault {
        job: "books-off",
        alerts_then: &["TailweirLedgerImbalance"],
        blow: Blow::Flip(&BOOKS_ARE_OFF),
        ..SOUND
    },
];

fn configuration(
    fault: &Fault,
    receiver: SocketAddr,
    page: SocketAddr,
    backend: SocketAddr,
) -> String {
    let (before, processors) = fault.before;
    let (sampler, exporter, series) = (fault.sampler, fault.exporter, fault.series);
    let comma = if exporter.is_empty() { "" } else { ", " };
    let path = fault.backend;
    format!(
        "\
receivers: {{otlp: {{protocols: {{http: {{endpoint: \"{receiver}\"}}}}}}}}
processors:
  tail_sampling: {{{sampler}}}
  batch: {{timeout: 200ms}}
  filter: {{logs: {{log_record: ['body == \"noise\"']}}}}
{processors}\
exporters:
  otlp_http: {{endpoint: \"http://{backend}/{path}\"{comma}{exporter}}}
  prometheus: {{endpoint: \"{page}\", max_series: {series}}}
connectors:
  span_metrics: {{metrics_flush_interval: 1s, exemplars: {{enabled: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [{before}tail_sampling], exporters: [otlp_http]}}
    traces/all: {{receivers: [otlp], exporters: [span_metrics]}}
    metrics: {{receivers: [otlp, span_metrics], processors: [batch], exporters: [prometheus, otlp_http]}}
    logs: {{receivers: [otlp], processors: [filter, batch], exporters: [otlp_http]}}
"
    )
}
