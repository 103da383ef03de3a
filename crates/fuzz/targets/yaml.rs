//! Any text as a configuration: no panic, and either settings or at least one error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tailweir_config::{EmptyEnvironment, LoadOptions, Sources, load};

fuzz_target!(|text: &str| {
    let sources = Sources::new().config(format!("yaml:{text}"));
    let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
    assert_eq!(loaded.settings.is_none(), loaded.diagnostics.errors().next().is_some());
    for diagnostic in loaded.diagnostics.errors() {
        let _ = diagnostic.to_string();
    }
});
