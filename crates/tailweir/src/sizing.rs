//! How much memory and how many cores a load needs. Pure arithmetic; `docs/sizing.md` says where its numbers are from.

use std::time::Duration;

/// Resident bytes for each byte of a span that is held: the window's own measure, rounded up.
const RESIDENT_FOR_HELD: f64 = 1.05;
/// Most that the window should be filled at the peak: from 90 % on traces are decided early.
const FILL_MAX: f64 = 0.7;
/// The window gets this share of a process's memory limit, unless `memory_budget` says otherwise.
const WINDOW_SHARE: f64 = 0.4;
/// Seconds of one core for a span, from the socket to the exporter; the figure at a low rate, which is the larger one.
const CORE_SECONDS_A_SPAN: f64 = 2.4e-6;
/// The same for the gateways of a cluster, which receive it and bring it to a sampler.
const GATEWAY_CORE_SECONDS: f64 = 2.3e-6;
/// Fewest gateways.
const GATEWAYS_MIN: u32 = 2;
/// Most cores of one gateway; more gateways are used beyond it.
const GATEWAY_CORES_MAX: f64 = 4.0;
/// Memory limit of a gateway, which holds what is under way.
const GATEWAY_MEMORY_MIB: u64 = 512;
/// Most that a core should be used at the peak.
const CORE_USE_MAX: f64 = 0.6;
/// Least memory limit of a process.
const MEMORY_MIN: f64 = 256.0 * MIB;
const MIB: f64 = 1_048_576.0;

/// What comes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Load {
    /// Spans a second, at the peak.
    pub(crate) spans_per_second: f64,
    /// Bytes of a span as it arrives.
    pub(crate) span_bytes: f64,
    /// Spans of a trace.
    pub(crate) spans_per_trace: f64,
    /// How long a trace waits for its decision.
    pub(crate) window: Duration,
}

/// What that needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Need {
    /// Bytes of spans that are undecided at once.
    pub(crate) held_bytes: f64,
    /// Traces that are undecided at once.
    pub(crate) traces: u64,
}

/// A process of some number of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Process {
    /// How many there are.
    pub(crate) count: u32,
    /// Memory limit of one, in MiB.
    pub(crate) memory_mib: u64,
    /// Cores of one.
    pub(crate) cores: f64,
}

impl Load {
    /// What the load needs, wherever it is.
    pub(crate) fn need(&self) -> Need {
        let spans = self.spans_per_second * self.window.as_secs_f64();
        Need {
            held_bytes: spans * self.span_bytes,
            traces: (spans / self.spans_per_trace).ceil() as u64,
        }
    }

    /// One process that carries it all.
    pub(crate) fn single(&self) -> Process {
        self.shared(1, 1, 1.0, CORE_SECONDS_A_SPAN)
    }

    /// The fewest gateways, two at least, that carry it when one of them is away.
    pub(crate) fn gateways(&self) -> Process {
        let cores = self.cores(GATEWAY_CORE_SECONDS);
        let present = (cores / GATEWAY_CORES_MAX).ceil() as u32;
        let count = GATEWAYS_MIN.max(present + 1);
        Process {
            count,
            memory_mib: GATEWAY_MEMORY_MIB,
            cores: tenths(cores / f64::from(count - 1)),
        }
    }

    /// The fewest samplers, three at least, that carry it within this much memory each, when one of them is away. Each copy is memory
    /// and work of its own.
    pub(crate) fn samplers(&self, copies: u32, memory_mib_max: u64) -> Process {
        const FEWEST: u32 = 3;
        const MOST: u32 = 1000;
        let of = |count| {
            let core_seconds = sampler_core_seconds(count, copies);
            self.shared(count, count - 1, f64::from(copies), core_seconds)
        };
        let fits = |process: &Process| process.memory_mib <= memory_mib_max;
        (FEWEST..MOST)
            .map(of)
            .find(fits)
            .unwrap_or_else(|| of(MOST))
    }

    /// `count` processes, of which `present` share the load. All of them together take so many seconds of a core for a span.
    fn shared(&self, count: u32, present: u32, copies: f64, core_seconds: f64) -> Process {
        let share = 1.0 / f64::from(present);
        let held = self.need().held_bytes * copies * share;
        let window = held * RESIDENT_FOR_HELD / FILL_MAX;
        Process {
            count,
            memory_mib: ((window / WINDOW_SHARE).max(MEMORY_MIN) / MIB).ceil() as u64,
            cores: tenths(self.cores(core_seconds) * share),
        }
    }

    fn cores(&self, core_seconds: f64) -> f64 {
        self.spans_per_second * core_seconds / CORE_USE_MAX
    }
}

/// Seconds of a core that all samplers of a cluster take for a span, between what was measured at a low rate and at saturation: a
/// request becomes as many parts as there are samplers, and with two copies each part becomes letters.
fn sampler_core_seconds(samplers: u32, copies: u32) -> f64 {
    let (alone, each) = match copies {
        1 => (2.0e-6, 0.3e-6),
        _ => (3.5e-6, 0.8e-6),
    };
    alone + each * f64::from(samplers)
}

fn tenths(cores: f64) -> f64 {
    (cores * 10.0).ceil() / 10.0
}

#[cfg(test)]
mod tests {
    use super::Load;
    use std::time::Duration;

    const LOAD: Load = Load {
        spans_per_second: 100_000.0,
        span_bytes: 600.0,
        spans_per_trace: 20.0,
        window: Duration::from_secs(10),
    };

    /// Scenario: a million spans of 600 bytes are held at once.
    /// Guarantees: the window, its share of the limit and the room above it are all in the limit.
    #[test]
    fn memory_follows_what_is_held() {
        assert_eq!(LOAD.need().held_bytes, 6e8);
        assert_eq!(LOAD.need().traces, 50_000);
        // 600 MB x 1.05 / 0.7 / 0.4 in MiB.
        assert_eq!(LOAD.single().memory_mib, 2146);
    }

    /// Scenario: three samplers with two copies, and the same within less memory each.
    /// Guarantees: two of three carry both copies; a lower limit makes more samplers, not larger ones; a second copy is work too.
    #[test]
    fn samplers_carry_the_load_when_one_is_away() {
        let three = LOAD.samplers(2, 4096);
        assert_eq!((three.count, three.memory_mib), (3, 2146));
        // 100,000 x 5.9 us / 0.6 on two, and 2.9 us with one copy.
        assert_eq!((three.cores, LOAD.samplers(1, 4096).cores), (0.5, 0.3));
        let smaller = LOAD.samplers(2, 1024);
        assert_eq!((smaller.count, smaller.memory_mib), (6, 859));
    }

    /// Scenario: a load for half of a core, and one for ten gateways.
    /// Guarantees: there are two all the same, and then as many as carry it when one is away, none with more than four cores.
    #[test]
    fn gateways_carry_the_load_when_one_is_away() {
        let two = LOAD.gateways();
        assert_eq!((two.count, two.cores), (2, 0.4));
        let many = Load {
            spans_per_second: 1e7,
            ..LOAD
        };
        assert_eq!((many.gateways().count, many.gateways().cores), (11, 3.9));
    }

    /// Scenario: next to nothing comes.
    /// Guarantees: a process still gets what it needs to start.
    #[test]
    fn a_small_load_gets_the_least() {
        let small = Load {
            spans_per_second: 1.0,
            ..LOAD
        };
        assert_eq!(small.single().memory_mib, 256);
    }
}
