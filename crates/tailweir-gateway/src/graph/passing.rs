//! In which members of a cluster telemetry passes a processor.

use tailweir_config::{ComponentId, Processor, Settings};

/// Members that run a processor, by what they do. The Helm chart gives tokens by the same rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Passing {
    /// Those that receive.
    pub(super) at_receivers: bool,
    /// Those that own slots.
    pub(super) at_owners: bool,
}

impl Passing {
    const RECEIVERS: Self = Self {
        at_receivers: true,
        at_owners: false,
    };
    const OWNERS: Self = Self {
        at_receivers: false,
        at_owners: true,
    };
    const BOTH: Self = Self {
        at_receivers: true,
        at_owners: true,
    };

    /// Those that a processor has in its pipelines. What is received stays where it is until a sampler of traces brings it
    /// to its owner. One of logs leaves what needs no decision where it is. What a connector feeds may come from either.
    pub(super) fn of(id: &ComponentId, settings: &Settings) -> Self {
        let mut found = Self::default();
        for pipeline in &settings.pipelines {
            let mut receivers = pipeline.receivers.iter();
            let mut here = match receivers.any(|it| settings.connectors.contains_key(it)) {
                true => Self::BOTH,
                false => Self::RECEIVERS,
            };
            for processor in &pipeline.processors {
                if processor == id {
                    found.at_receivers |= here.at_receivers;
                    found.at_owners |= here.at_owners;
                }
                match settings.processors.get(processor) {
                    Some(Processor::TailSampling(_)) => here = Self::OWNERS,
                    Some(Processor::TraceAware(_)) => here = Self::BOTH,
                    _ => {}
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::Passing;
    use tailweir_config::{ComponentId, EmptyEnvironment, LoadOptions, Sources, load};

    const CONFIGURATION: &str = "
receivers: {otlp: {protocols: {grpc: }}}
processors:
  k8s_attributes/front: {passthrough: true}
  k8s_attributes/behind: {passthrough: true}
  k8s_attributes/logs_front: {passthrough: true}
  k8s_attributes/logs_behind: {passthrough: true}
  k8s_attributes/metrics: {passthrough: true}
  k8s_attributes/fed: {passthrough: true}
  k8s_attributes/twice: {passthrough: true}
  k8s_attributes/unused: {passthrough: true}
  tail_sampling: {policies: [{name: all, type: always_sample}]}
  tail_sampling/logs: {trace_aware: {sampler: tail_sampling}}
connectors: {count: }
exporters: {nop: }
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [k8s_attributes/front, k8s_attributes/twice, tail_sampling, k8s_attributes/behind]
      exporters: [nop, count]
    logs:
      receivers: [otlp]
      processors: [k8s_attributes/logs_front, tail_sampling/logs, k8s_attributes/logs_behind]
      exporters: [nop]
    metrics: {receivers: [otlp], processors: [k8s_attributes/metrics], exporters: [nop]}
    metrics/fed: {receivers: [count], processors: [k8s_attributes/fed, k8s_attributes/twice], exporters: [nop]}
";

    /// Scenario: processors in front of samplers of traces and logs, behind them, without one, behind a connector, in two
    /// pipelines, and in none.
    /// Guarantees: each is run by those members, and only those, that telemetry can reach it in.
    #[test]
    fn a_processor_is_run_where_telemetry_passes_it() {
        let sources = Sources::new().config(format!("yaml:{CONFIGURATION}"));
        let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
        let settings = loaded.settings.unwrap();
        for (name, expected) in [
            ("front", Passing::RECEIVERS),
            ("behind", Passing::OWNERS),
            ("logs_front", Passing::RECEIVERS),
            ("logs_behind", Passing::BOTH),
            ("metrics", Passing::RECEIVERS),
            ("fed", Passing::BOTH),
            ("twice", Passing::BOTH),
            ("unused", Passing::default()),
        ] {
            let id = ComponentId::parse(&format!("k8s_attributes/{name}")).unwrap();
            assert_eq!(Passing::of(&id, &settings), expected, "{name}");
        }
    }
}
