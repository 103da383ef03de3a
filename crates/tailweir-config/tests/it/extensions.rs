//! The extensions that serve pages, and those that sign.

use crate::workbench::{lines, load_text, settings};
use tailweir_config::Extension;

fn text(extensions: &str, running: &str) -> String {
    format!(
        "receivers: {{nop: }}\nexporters: {{nop: }}\nextensions: {extensions}\n\
         service: {{extensions: [{running}], \
         pipelines: {{traces: {{receivers: [nop], exporters: [nop]}}}}}}\n"
    )
}

fn said(extensions: &str, running: &str) -> String {
    lines(&load_text(&text(extensions, running)).diagnostics).join("\n")
}

/// Scenario: pages without options, as most configurations have them.
/// Guarantees: nothing is said, and they listen where the Collector's do.
#[test]
fn plain_pages_run_without_a_word() {
    assert_eq!(said("{zpages: }", "zpages"), "");
    let settings = settings(&text("{zpages: }", "zpages"));
    let Some(Extension::ZPages(pages)) = settings.extensions.values().next() else {
        panic!("{:?}", settings.extensions);
    };
    assert_eq!(pages.server.endpoint, "localhost:55679");
    assert!(!pages.expvar.enabled);
}

/// Scenario: profiles with the options that most configurations have.
/// Guarantees: nothing is said, and they listen where the Collector's do.
#[test]
fn plain_profiles_run_without_a_word() {
    let plain = "{pprof: {block_profile_fraction: 0, mutex_profile_fraction: 0}}";
    assert_eq!(said(plain, "pprof"), "");
    let settings = settings(&text(plain, "pprof"));
    let Some(Extension::Pprof(pprof)) = settings.extensions.values().next() else {
        panic!("{:?}", settings.extensions);
    };
    assert_eq!(pprof.endpoint, "localhost:1777");
    assert_eq!(pprof.save_to_file, "");
}

/// Scenario: options that cannot be, have no effect, or name somebody who does not run.
/// Guarantees: each is told, as an error only where it could not be served as written.
#[test]
fn mistakes_of_pages_are_told() {
    for (extensions, running, expected) in [
        (
            "{zpages: {endpoint: ''}}",
            "zpages",
            "error: extensions::zpages: `endpoint` is empty",
        ),
        ("{zpages: {endpoint: 'host'}}", "zpages", "needs a port"),
        (
            "{zpages: {expvar: {on: true}}}",
            "zpages",
            "error: extensions::zpages::expvar",
        ),
        (
            "{pprof: {endpoint: ''}}",
            "pprof",
            "error: extensions::pprof: `endpoint` is empty",
        ),
        (
            "{pprof: {block_profile_fraction: 3}}",
            "pprof",
            "`block_profile_fraction` has no equivalent: there are no goroutines that block here",
        ),
        (
            "{pprof: {mutex_profile_fraction: 1}}",
            "pprof",
            "`mutex_profile_fraction` has no equivalent",
        ),
        (
            "{pprof: {dialer: {timeout: 1s}}}",
            "pprof",
            "it listens, and calls nobody",
        ),
        (
            "{zpages: {auth: {authenticator: basicauth}}}",
            "zpages",
            "the authenticator `basicauth` is not configured",
        ),
        (
            "{zpages: {auth: {authenticator: bearertokenauth}}, bearertokenauth: {token: a}}",
            "zpages",
            "the authenticator `bearertokenauth` does not run",
        ),
    ] {
        let said = said(extensions, running);
        assert!(said.contains(expected), "{extensions}:\n{said}");
    }
}

/// Scenario: rules about headers without a key, with one of binary values, without a value, and with two.
/// Guarantees: each is refused with what to write.
///
/// Conforms: extension `headers_setter` | a `key` that ends with `-bin` | not offered: a header with binary values
/// cannot be set
/// Conforms: extension `headers_setter` | rules without a key or a value, or with two values | same
#[test]
fn mistakes_of_rules_about_headers_are_told() {
    for (rule, expected) in [
        ("value: a", "the header has no `key`"),
        ("key: Trace-Bin, value: a", "does not end with `-bin`"),
        ("key: a", "the header has no value"),
        (
            "key: a, value: b, from_context: c",
            "`value` and `from_context` exclude each other",
        ),
    ] {
        let extensions = format!("{{headers_setter: {{headers: [{{{rule}}}]}}}}");
        let said = said(&extensions, "headers_setter");
        assert!(said.contains(expected), "{rule}:\n{said}");
    }
}
