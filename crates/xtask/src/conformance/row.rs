//! Rows, and the tests that prove them.

use super::claim::{self, Claim, ComponentClaim, Listing, Verdict};
use super::fault::Fault;
use super::source::{Documented, documented};
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use tailweir_config::{Component, components};

/// What the tests say. Everything is in the order in which it is written.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) components: BTreeMap<Row, BTreeSet<Proof>>,
    pub(super) listings: BTreeMap<Listing, BTreeSet<Proof>>,
}

/// A row of the table of a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    /// Where the component stands in the catalogue.
    pub(super) place: usize,
    /// Where its sort of verdict stands among the others.
    rank: usize,
    pub(super) what: String,
    pub(super) signals: Vec<String>,
    pub(super) verdict: Verdict,
}

/// A test.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Proof {
    pub(super) file: String,
    pub(super) test: String,
}

impl Rows {
    /// Takes the lines of one source; what is wrong with them joins the faults.
    pub(super) fn collect(
        &mut self,
        file: &str,
        text: &str,
        faults: &mut Vec<Fault>,
    ) -> Result<()> {
        let items = documented(text).with_context(|| format!("could not read {file}"))?;
        for item in items {
            for (line, text) in lines(&item) {
                if let Err(said) = self.take(file, &item, &text) {
                    faults.push(Fault::new(file, line, said));
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, file: &str, item: &Documented, text: &str) -> Result<(), String> {
        let Some(text) = text.strip_prefix(claim::LABEL) else {
            return Err(format!(
                "write `{}` in front of what a test proves",
                claim::LABEL
            ));
        };
        let (true, Some(test)) = (item.is_test, &item.function) else {
            return Err("only a test that runs proves something: write the line at one".to_owned());
        };
        let proof = Proof {
            file: file.to_owned(),
            test: test.clone(),
        };
        match claim::read(text.trim())? {
            Claim::Catalogue(listing) => {
                self.listings.entry(listing).or_default().insert(proof);
            }
            Claim::Components(claim) => {
                for name in &claim.names {
                    let row = row(&claim, name)?;
                    self.components
                        .entry(row)
                        .or_default()
                        .insert(proof.clone());
                }
            }
        }
        Ok(())
    }
}

/// The row of one of the components of a line.
fn row(claim: &ComponentClaim, name: &str) -> Result<Row, String> {
    let role = claim.role;
    let of_role = || {
        components()
            .enumerate()
            .filter(|(_, component)| component.role == role)
    };
    let Some((place, component)) = of_role().find(|(_, component)| component.name == name) else {
        let is_old = |component: &Component| component.old_names.contains(&name);
        return Err(match of_role().find(|(_, component)| is_old(component)) {
            Some((_, component)) => {
                format!("write `{}`: `{name}` is an old name of it", component.name)
            }
            None => {
                let names: Vec<&str> = of_role().map(|(_, component)| component.name).collect();
                format!(
                    "the catalogue has no {role} `{name}`: write one of `{}`",
                    names.join("`, `")
                )
            }
        });
    };
    let taken: Vec<&str> = component
        .signals
        .iter()
        .map(|signal| signal.name())
        .collect();
    if let Some(signal) = claim
        .signals
        .iter()
        .find(|signal| !taken.contains(&signal.as_str()))
    {
        return Err(format!(
            "the {role} `{name}` takes no `{signal}`: write some of `{}`",
            taken.join("`, `")
        ));
    }
    // In the order of the catalogue, so that rows that say the same are one.
    let signals = taken
        .into_iter()
        .filter(|signal| claim.signals.iter().any(|named| named == signal));
    Ok(Row {
        place,
        rank: claim.verdict.rank(),
        what: claim.what.clone(),
        signals: signals.map(str::to_owned).collect(),
        verdict: claim.verdict.clone(),
    })
}

/// The lines of an item with their numbers. One goes on until an empty line or the next label.
fn lines(item: &Documented) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut is_open = false;
    for (number, text) in &item.lines {
        let label = text.split_once(':').map_or("", |(label, _)| label);
        if label.to_lowercase().starts_with("conform") {
            found.push((*number, text.clone()));
            is_open = true;
        } else if text.is_empty() || ["Scenario", "Guarantees"].contains(&label) {
            is_open = false;
        } else if let Some((_, line)) = found.last_mut().filter(|_| is_open) {
            line.push(' ');
            line.push_str(text);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::Rows;
    use crate::conformance::fault::Fault;

    fn faults(source: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        Rows::default()
            .collect("a.rs", source, &mut faults)
            .unwrap();
        faults
    }

    /// Scenario: a test within `proptest!` and an asynchronous one say the same of two components, over two lines.
    /// Guarantees: there is a row for each component, with both tests, and the lines are put together.
    #[test]
    fn rows_have_the_tests_that_prove_them() {
        let source = "
proptest! {
    #![proptest_config(x)]
    /// Scenario: a.
    /// Conforms: exporter `otlp_grpc`, `otlp_http` | logs, traces | all
    /// options | same
    /// Guarantees: b.
    #[test]
    fn one(x in any::<u8>()) {}
}
/// Conforms: exporter `otlp_http`, `otlp_grpc` | traces, logs | all options | same
#[tokio::test(flavor = \"multi_thread\")]
pub(crate) async fn two() {}
";
        let mut rows = Rows::default();
        rows.collect("a.rs", source, &mut Vec::new()).unwrap();
        let found: Vec<_> = rows.components.iter().collect();
        assert_eq!(found.len(), 2);
        for (row, proofs) in found {
            assert_eq!(row.what, "all options");
            assert_eq!(row.signals, ["traces", "logs"]);
            let tests: Vec<&str> = proofs.iter().map(|proof| proof.test.as_str()).collect();
            assert_eq!(tests, ["one", "two"]);
        }
    }

    /// Scenario: lines on a component that there is not, on an old name, on a signal that is not taken, without their
    /// label, and with a verdict that there is not.
    /// Guarantees: each is told with its file, its line and what to write.
    #[test]
    fn lines_that_do_not_fit_the_catalogue_are_told() {
        for (line, said) in [
            (
                "Conforms: processor `fliter` | logs | all | same",
                "the catalogue has no processor `fliter`: write one of `tail_sampling`",
            ),
            (
                "Conforms: processor `groupbytrace` | traces | all | same",
                "write `group_by_trace`: `groupbytrace` is an old name",
            ),
            (
                "Conforms: processor `span` | traces, logs | all | same",
                "the processor `span` takes no `logs`: write some of `traces`",
            ),
            (
                "Conform: processor `span` | traces | all | same",
                "write `Conforms:`",
            ),
            (
                "Conforms: processor `span` | traces | all | equal",
                "`equal` is no verdict",
            ),
        ] {
            let source = format!("/// Scenario: a.\n/// {line}\n#[test]\nfn one() {{}}\n");
            let told = faults(&source);
            assert_eq!(told.len(), 1, "{told:?}");
            let told = told[0].to_string();
            assert!(
                told.starts_with("a.rs:2: ") && told.contains(said),
                "{told}"
            );
        }
    }

    /// Scenario: a line at a function that is no test, at a type, at a module's head, and at a test that is ignored.
    /// Guarantees: each is told: none of them proves anything.
    #[test]
    fn only_tests_prove() {
        let line = "Conforms: processor `span` | traces | all | same";
        for source in [
            format!("/// {line}\nfn one() {{}}"),
            format!("/// {line}\n#[cfg(test)]\nfn one() {{}}"),
            format!("/// {line}\n#[test]\nstruct One;"),
            format!("//! {line}\nfn one() {{}}"),
            format!("mod tests {{ /// {line}\n#[test]\n#[ignore = \"slow\"]\nfn one() {{}} }}"),
        ] {
            let told = faults(&source);
            assert_eq!(told.len(), 1, "{source}");
            assert!(told[0].text.contains("only a test that runs"), "{told:?}");
        }
        // Text is no documentation.
        assert_eq!(faults(&format!("fn one() {{ \"\n/// {line}\n\" }}")), []);
    }
}
