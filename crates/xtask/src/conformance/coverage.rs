//! Nothing of the catalogue is without a row.

use super::claim::{LABEL, Listing};
use super::fault::Fault;
use super::row::Rows;
use tailweir_config::{Component, components};

/// The file that lists the components.
pub(super) const CATALOGUE: &str = "crates/tailweir-config/src/catalogue/present.rs";

/// Names each component without a row, each signal of one without a row, and each table without a test. The text is
/// that of the file with the catalogue, to say where it has them.
pub(super) fn check(rows: &Rows, catalogue: &str, faults: &mut Vec<Fault>) {
    for (place, component) in components().enumerate() {
        let own = || rows.components.keys().filter(|row| row.place == place);
        let Component { role, name, .. } = component;
        let line = line(catalogue, &component);
        if component.signals.is_empty() && own().next().is_none() {
            let text = format!(
                "no test says how the {role} `{name}` compares: write `{LABEL} {role} `{name}` | ... | ...` at one"
            );
            faults.push(Fault::new(CATALOGUE, line, text));
        }
        for signal in component.signals.iter().map(|signal| signal.name()) {
            if !own().any(|row| row.signals.iter().any(|known| known == signal)) {
                let text = format!(
                    "no test says how the {role} `{name}` compares for {signal}: write \
                     `{LABEL} {role} `{name}` | {signal} | ... | ...` at one"
                );
                faults.push(Fault::new(CATALOGUE, line, text));
            }
        }
    }
    for listing in Listing::ALL {
        if !rows.listings.contains_key(&listing) {
            let name = listing.name();
            let text =
                format!("no test goes over all {name}: write `{LABEL} catalogue | {name}` at one");
            faults.push(Fault::new(CATALOGUE, 1, text));
        }
    }
}

/// The line on which the catalogue names a component; its role stands before its name.
fn line(catalogue: &str, component: &Component) -> usize {
    let role = format!("Role::{:?}", component.role);
    let name = format!("\"{}\"", component.name);
    let is_there = |start: usize| {
        let mut words = catalogue[start + role.len()..]
            .split([',', '\n'])
            .map(str::trim);
        words.find(|word| !word.is_empty()) == Some(name.as_str())
    };
    let mut starts = catalogue.match_indices(&role).map(|(start, _)| start);
    let start = starts.find(|&start| is_there(start)).unwrap_or_default();
    catalogue[..start].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::{CATALOGUE, check, line};
    use crate::conformance::row::Rows;
    use tailweir_config::components;

    /// Scenario: a source has a row for traces of one processor, and nothing else; the catalogue has two lines.
    /// Guarantees: each other signal of it is told, each other component, each table, with the place in the catalogue
    /// and what to write; what has its row is not.
    #[test]
    fn what_has_no_row_is_told() {
        let source = "/// Conforms: processor `batch` | traces | all | same\n#[test]\nfn one() {}";
        let mut rows = Rows::default();
        let mut faults = Vec::new();
        rows.collect("a.rs", source, &mut faults).unwrap();
        let catalogue = "component(Role::Receiver, \"otlp\", &[]),\ncomponent(\n    Role::Processor,\n    \"batch\",\n    &[])";
        check(&rows, catalogue, &mut faults);
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let of_batch: Vec<&String> = told
            .iter()
            .filter(|text| text.contains("processor `batch`"))
            .collect();
        assert_eq!(of_batch.len(), 2, "{of_batch:?}");
        assert_eq!(
            *of_batch[0],
            format!(
                "{CATALOGUE}:3: no test says how the processor `batch` compares for metrics: write \
                 `Conforms: processor `batch` | metrics | ... | ...` at one"
            )
        );
        assert!(told[0].starts_with(&format!(
            "{CATALOGUE}:1: no test says how the receiver `otlp`"
        )));
        assert!(
            told.iter()
                .any(|text| text.contains("extension `zpages` compares: write"))
        );
        assert!(
            told.iter()
                .any(|text| text.contains("`Conforms: catalogue | refused options`"))
        );
    }

    /// Scenario: the catalogue as it is.
    /// Guarantees: each component is found in it, by its role and its name.
    #[test]
    fn components_are_found_in_the_catalogue() {
        let catalogue = std::fs::read_to_string(crate::root().join(CATALOGUE)).unwrap();
        for component in components() {
            assert!(line(&catalogue, &component) > 1, "{component:?}");
        }
    }
}
