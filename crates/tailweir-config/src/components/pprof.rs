//! The `pprof` extension.

use crate::report::{Cause, Report};
use crate::setting::{Block, settings};
use serde_json::Value as Json;

settings! {
    /// Profiles of the running process, as `go tool pprof` reads them, below `/debug/pprof/`.
    pub struct Pprof {
        /// Address, `host:port`.
        endpoint: String = "localhost:1777".to_owned(),
        /// Share of blocking events that the Collector samples. There is no such profile here.
        block_profile_fraction: i64 = 0,
        /// Share of contended mutexes that the Collector samples. There is no such profile here.
        mutex_profile_fraction: i64 = 0,
        /// File for one profile of processor time from the start of the process to its end. Empty: none. While it is
        /// taken no other is.
        save_to_file: String = String::new(),
    }
    ignored {
        "dialer": Json = "it listens, and calls nobody",
    }
    rules pprof_rules;
}

fn pprof_rules(pprof: &mut Pprof, block: &mut Block<'_>, report: &mut Report) {
    if pprof.endpoint.trim().is_empty() {
        report.error_at(
            block.at("endpoint"),
            Cause::Missing,
            "`endpoint` is empty",
            "write `endpoint: localhost:1777`, say",
        );
    }
    for (name, fraction, what) in [
        (
            "block_profile_fraction",
            pprof.block_profile_fraction,
            "goroutines that block",
        ),
        (
            "mutex_profile_fraction",
            pprof.mutex_profile_fraction,
            "mutexes of goroutines",
        ),
    ] {
        if fraction != 0 {
            report.warn_at(
                block.at(name),
                Cause::NoEffect,
                format!("`{name}` has no equivalent: there are no {what} here"),
                "remove it; `/debug/pprof/profile` has processor time",
            );
        }
    }
}
