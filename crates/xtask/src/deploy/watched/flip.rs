//! What goes wrong in memory: a debugger is attached to a process for a moment, and changes a number in it.
//!
//! So the product shows what it does about a defect of its own, and has nothing in it that leads to one.

use super::super::tools::system;
use crate::servers::{Tailweir, until};
use crate::{output, root};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// How Cargo builds the product so that a debugger knows what is where.
pub(super) const BUILD: [&str; 2] = [
    "--config",
    "profile.dev.package.tailweir-gateway.debug=\"full\"",
];

/// Seconds in which a process comes to the place where it is stopped; most of them the debugger reads what is where.
const PATIENCE: &str = "300";

/// A part panics over a request: the list of its spans has become too short for the numbers of them.
pub(super) const SCAN_IS_SHORT: Flip = Flip {
    script: "scan_is_short",
    logged: &["ERROR a task panicked at crates/", "an actor failed"],
    imbalance: 0,
    refuses: true,
};

/// Spans are in the books that nobody ever sent.
pub(super) const BOOKS_ARE_OFF: Flip = Flip {
    script: "books_are_off",
    logged: &[],
    imbalance: 1 << 20,
    refuses: false,
};

/// A number that changes, and what has to come of it.
pub(super) struct Flip {
    /// Its commands for the debugger, in a file of this name.
    script: &'static str,
    /// What the log says then.
    logged: &'static [&'static str],
    /// By how much the books are off then, for good.
    imbalance: u64,
    /// Whether it costs a request.
    refuses: bool,
}

/// There is a debugger, and it may be attached to processes here.
pub(super) fn install() -> Result<()> {
    system("gdb", "gdb")?;
    let mut sleep = Command::new("sleep").arg(PATIENCE).spawn()?;
    let attached = output(gdb(sleep.id()).args(["-ex", "detach"]));
    // It may have ended by itself.
    let _ = sleep.kill();
    sleep.wait()?;
    attached
        .context("no debugger may be attached here")
        .map(drop)
}

/// A debugger for this process: it does its commands, lets go of the process and ends; with an error after the first that fails.
fn gdb(process: u32) -> Command {
    let mut gdb = Command::new("timeout");
    gdb.args([PATIENCE, "gdb", "-nx", "-batch"]);
    // A function that is not there any more is an error, not one that may come with a library.
    gdb.args(["-iex", "set breakpoint pending off"]);
    gdb.args(["-p", &process.to_string()]);
    gdb
}

impl Flip {
    fn commands(&self) -> PathBuf {
        let folder = root().join("crates/xtask/src/deploy/watched/flip");
        folder.join(self.script).with_extension("gdb")
    }

    /// Changes the number once the process comes by.
    pub(super) fn strike(&self, process: &Tailweir) -> Result<()> {
        let mut gdb = gdb(process.id());
        output(gdb.arg("-x").arg(self.commands())).context(
            "the process did not come by, or what the debugger looks for has another name now",
        )?;
        Ok(())
    }

    /// The process goes on with what it held and with what is new, and says what happened.
    pub(super) fn is_survived(&self, process: &Tailweir) -> Result<()> {
        let books = books_of_traces(process)?;
        // More than this was not taken before.
        let before = items(&books, "delivered") + items(&books, "held");
        until(&format!("{} to deliver on", self.script), || {
            Ok(items(&books_of_traces(process)?, "delivered") > before)
        })?;
        until(&format!("{} to show in the books", self.script), || {
            Ok(process.status()?["imbalance"] == self.imbalance)
        })?;
        let books = books_of_traces(process)?;
        let lost = books["lost"].as_object().into_iter().flatten();
        let lost: Vec<_> = lost.filter(|(_, amount)| amount["items"] != 0).collect();
        ensure!(lost.is_empty(), "{} costs spans: {lost:?}", self.script);
        let is_refused = items(&books, "refused") > 0;
        ensure!(is_refused == self.refuses, "refused otherwise: {books}");
        for text in self.logged {
            ensure!(process.has_logged(text), "the log does not say {text:?}");
        }
        println!("watched: {} is survived", self.script);
        Ok(())
    }
}

fn books_of_traces(process: &Tailweir) -> Result<Value> {
    Ok(process.status()?["ledger"]["signals"]["traces"].take())
}

fn items(books: &Value, column: &str) -> u64 {
    books[column]["items"].as_u64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Scenario: somebody gives a function, at which the debugger stops a process, another name.
    /// Guarantees: it is noticed here, and not only when the product runs under a debugger.
    #[test]
    fn the_debugger_stops_at_functions_that_the_sources_have() {
        for flip in [SCAN_IS_SHORT, BOOKS_ARE_OFF] {
            let commands = fs::read_to_string(flip.commands()).unwrap();
            let mut lines = commands.lines();
            let place = lines.find_map(|line| line.strip_prefix("tbreak ")).unwrap();
            let (path, _types) = place.split_once('<').unwrap_or((place, ""));
            let [package, modules @ .., owner, function] = &*path.split("::").collect::<Vec<_>>()
            else {
                panic!("{place} names no method");
            };
            let source = format!(
                "crates/{}/src/{}",
                package.replace('_', "-"),
                modules.join("/")
            );
            let folder = root().join(source);
            let mut files = vec![folder.with_extension("rs")];
            files.extend(
                fs::read_dir(folder)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            let wanted = [format!("impl {owner} {{"), format!("fn {function}(")];
            let has_all = |file: &PathBuf| {
                let text = fs::read_to_string(file).unwrap_or_default();
                wanted.iter().all(|part| text.contains(part))
            };
            assert!(
                files.iter().any(has_all),
                "{} stops at {place}",
                flip.script
            );
        }
    }
}
