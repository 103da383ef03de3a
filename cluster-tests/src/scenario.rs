//! What happens in a run, and how much of it.

use crate::mutant::Mutant;
use crate::span::Span;

/// The bounds of a check. Nodes are 0, 1 and 2; everything else, order, delay, which node a span is sent to, is free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// Copies that the cluster keeps: 1 or 2.
    pub copies: u8,
    /// Owner and replica at first, and after each move.
    pub pairs: &'static [(usize, usize)],
    /// Spans of each trace.
    pub traces: &'static [u8],
    /// The trace that the policies drop, if any.
    pub dropped: Option<u8>,
    /// Nodes that lose their memory and start again under their names.
    pub crashes: u8,
    /// Nodes that are taken for dead while they go on with what they know.
    pub suspicions: u8,
    /// Messages that are lost, after which nodes say again what has no answer.
    pub losses: u8,
    /// Whether a node is evacuated: replaced everywhere while it runs.
    pub evacuated: Option<usize>,
    /// Whether spans are sent again after they were acknowledged.
    pub resends: bool,
    /// The rule that is taken out.
    pub mutant: Option<Mutant>,
}

const BASE: Scenario = Scenario {
    name: "",
    copies: 2,
    pairs: &[(0, 1)],
    traces: &[2],
    dropped: None,
    crashes: 0,
    suspicions: 0,
    losses: 0,
    evacuated: None,
    resends: false,
    mutant: None,
};

/// All scenarios, by name.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "move",
        pairs: &[(0, 2), (1, 2)],
        ..BASE
    },
    Scenario {
        name: "crash",
        crashes: 1,
        ..BASE
    },
    Scenario {
        name: "suspicion",
        suspicions: 1,
        ..BASE
    },
    Scenario {
        name: "crash-and-suspicion",
        crashes: 1,
        suspicions: 1,
        traces: &[1],
        ..BASE
    },
    Scenario {
        name: "move-crash",
        pairs: &[(0, 2), (1, 2)],
        crashes: 1,
        ..BASE
    },
    Scenario {
        name: "move-crash-one-span",
        pairs: &[(0, 1), (1, 2)],
        traces: &[1],
        crashes: 1,
        ..BASE
    },
    Scenario {
        name: "swap-crash",
        pairs: &[(0, 1), (2, 0)],
        crashes: 1,
        ..BASE
    },
    Scenario {
        name: "move-crash-dropped",
        pairs: &[(0, 1), (1, 2)],
        dropped: Some(0),
        crashes: 1,
        ..BASE
    },
    Scenario {
        name: "move-suspicion",
        pairs: &[(0, 2), (1, 2)],
        suspicions: 1,
        ..BASE
    },
    Scenario {
        name: "move-suspicion-one-span",
        pairs: &[(0, 2), (1, 2)],
        traces: &[1],
        suspicions: 1,
        ..BASE
    },
    Scenario {
        name: "two-traces",
        pairs: &[(0, 2), (1, 2)],
        traces: &[1, 1],
        dropped: Some(1),
        ..BASE
    },
    Scenario {
        name: "there-and-back",
        pairs: &[(0, 2), (1, 2), (0, 1)],
        ..BASE
    },
    Scenario {
        name: "on-and-on",
        pairs: &[(0, 2), (1, 2), (2, 0)],
        ..BASE
    },
    Scenario {
        name: "on-and-on-one-span",
        pairs: &[(0, 2), (1, 2), (2, 0)],
        traces: &[1],
        ..BASE
    },
    Scenario {
        name: "one-copy",
        copies: 1,
        pairs: &[(0, 0), (1, 1), (2, 2)],
        ..BASE
    },
    Scenario {
        name: "one-copy-evacuated",
        copies: 1,
        pairs: &[(0, 0), (1, 1)],
        evacuated: Some(0),
        ..BASE
    },
    Scenario {
        name: "evacuated",
        pairs: &[(0, 2), (1, 2)],
        evacuated: Some(0),
        ..BASE
    },
    Scenario {
        name: "crash-one-span",
        crashes: 1,
        traces: &[1],
        ..BASE
    },
    Scenario {
        name: "suspicion-one-span",
        suspicions: 1,
        traces: &[1],
        ..BASE
    },
    Scenario {
        name: "losses",
        pairs: &[(0, 2), (1, 2)],
        traces: &[1],
        losses: 2,
        ..BASE
    },
    Scenario {
        name: "wild-losses",
        pairs: &[(0, 1), (1, 2), (2, 0)],
        crashes: 1,
        suspicions: 1,
        losses: 4,
        ..BASE
    },
    Scenario {
        name: "wild",
        pairs: &[(0, 2), (1, 2), (0, 1)],
        traces: &[2, 1],
        dropped: Some(1),
        crashes: 2,
        suspicions: 1,
        ..BASE
    },
    Scenario {
        name: "wild-on-and-on",
        pairs: &[(0, 1), (1, 2), (2, 0), (0, 2)],
        traces: &[3],
        crashes: 1,
        suspicions: 2,
        resends: true,
        ..BASE
    },
    Scenario {
        name: "resends",
        crashes: 1,
        traces: &[1],
        resends: true,
        ..BASE
    },
];

impl Scenario {
    /// The scenario of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        SCENARIOS.iter().find(|found| found.name == name).cloned()
    }

    /// The same without one rule.
    #[must_use]
    pub fn without(mut self, mutant: Mutant) -> Self {
        self.mutant = Some(mutant);
        self
    }

    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(crate) fn spans(&self) -> impl Iterator<Item = Span> {
        let traces = self.traces.iter().enumerate();
        traces.flat_map(|(trace, &count)| {
            (1..=count).map(move |index| Span {
                trace: trace as u8,
                index,
            })
        })
    }

    pub(crate) fn keeps(&self, trace: u8) -> bool {
        self.dropped != Some(trace)
    }
}
