//! The policies of a run: what the product makes of a Collector's configuration.

use std::sync::{Arc, OnceLock};
use tailweir_config::{EmptyEnvironment, LoadOptions, load_tail_sampling_block};
use tailweir_policy::PolicySet;

/// The second revision wants more, but nothing that any trace has; the last one keeps some of what comes.
const REVISIONS: [&str; 3] = [
    "tail_sampling:
  policies:
    - {name: wanted, type: string_attribute, string_attribute: {key: decision, values: [keep]}}
    - {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
",
    "tail_sampling:
  policies:
    - {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: wanted, type: string_attribute, string_attribute: {key: decision, values: [keep, other]}}
    - {name: odd, type: string_attribute, string_attribute: {key: odd, values: [very]}}
",
    "tail_sampling:
  policies:
    - {name: some, type: rate_limiting, rate_limiting: {spans_per_second: 400000}}
",
];

/// The policies in force; those that are in force somewhere else may be of the revision before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policies {
    revision: u64,
    is_limited: bool,
}

impl Policies {
    pub(crate) fn new(is_limited: bool) -> Self {
        Self {
            revision: 0,
            is_limited,
        }
    }

    pub(crate) fn revision(self) -> u64 {
        self.revision
    }

    pub(crate) fn current(self) -> Arc<PolicySet> {
        static COMPILED: OnceLock<[Arc<PolicySet>; 3]> = OnceLock::new();
        let compiled = COMPILED.get_or_init(|| REVISIONS.map(compile));
        let number = if self.is_limited {
            2
        } else {
            self.revision % 2
        };
        Arc::clone(&compiled[number as usize])
    }

    pub(crate) fn reload(&mut self) {
        self.revision += 1;
    }
}

fn compile(text: &str) -> Arc<PolicySet> {
    let options = LoadOptions::default();
    let (settings, diagnostics) =
        load_tail_sampling_block("simulation", text, options, &EmptyEnvironment);
    let settings = settings.unwrap_or_else(|| panic!("{diagnostics:?}"));
    Arc::new(PolicySet::compile(&settings).expect("sound policies"))
}
