//! Loads texts for the other tests.

use std::collections::BTreeMap;
use std::io;
use tailweir_config::{
    Diagnostics, EmptyEnvironment, Environment, LoadOptions, Loaded, Settings, Sources,
    TailSampling, load, load_tail_sampling_block,
};

/// Variables and files in memory.
#[derive(Default)]
pub(crate) struct Memory {
    /// Variables by name.
    pub(crate) variables: BTreeMap<&'static str, String>,
    /// Texts by path.
    pub(crate) files: BTreeMap<&'static str, String>,
}

impl Environment for Memory {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn read(&self, path: &str) -> io::Result<String> {
        let file = self.files.get(path).cloned();
        file.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

/// Loads one file called `config.yaml`.
pub(crate) fn load_text(text: &str) -> Loaded {
    let mut memory = Memory::default();
    memory.files.insert("config.yaml", text.to_owned());
    load(
        &Sources::new().config("config.yaml"),
        LoadOptions::default(),
        &memory,
    )
}

/// The settings of a text that must be accepted.
pub(crate) fn settings(text: &str) -> Settings {
    let loaded = load_text(text);
    loaded
        .settings
        .unwrap_or_else(|| panic!("{}", loaded.diagnostics))
}

/// A whole configuration around some processors, in one traces pipeline.
pub(crate) fn with_processors(blocks: &str, order: &str) -> String {
    format!(
        "receivers: {{nop: }}\nexporters: {{nop: }}\nprocessors:\n{blocks}\nservice: {{pipelines: \
         {{traces: {{receivers: [nop], processors: [{order}], exporters: [nop]}}}}}}"
    )
}

/// Reads a `tail_sampling` block with these policies.
pub(crate) fn policies(policies: &str) -> (Option<TailSampling>, Diagnostics) {
    let text = format!("tail_sampling:\n  policies: {policies}");
    load_tail_sampling_block(
        "policies.yaml",
        &text,
        LoadOptions::default(),
        &EmptyEnvironment,
    )
}

/// One line per diagnostic.
pub(crate) fn lines(diagnostics: &Diagnostics) -> Vec<String> {
    diagnostics.iter().map(ToString::to_string).collect()
}

/// The errors of a configuration, as they are told.
pub(crate) fn errors(loaded: &Loaded) -> Vec<String> {
    let errors = loaded.diagnostics.errors();
    errors.map(ToString::to_string).collect()
}

/// One of the errors of this configuration has these words; `block` tells which one was tried.
#[track_caller]
pub(crate) fn assert_error(loaded: &Loaded, block: &str, said: &str) {
    let errors = errors(loaded);
    assert!(
        errors.iter().any(|error| error.contains(said)),
        "{block}: {errors:#?}"
    );
}
