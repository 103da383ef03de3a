//! The tables as Markdown, between the marks of the document.

use super::DOCUMENT;
use super::claim::Listing;
use super::fault::Fault;
use super::row::{Proof, Rows};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use tailweir_config::{Component, IdleOption, Role, absent_components, components, idle_options};

/// The document with each table between its marks.
pub(super) fn filled(written: &str, rows: &Rows) -> Result<String, Fault> {
    let mut text = written.to_owned();
    for (name, table) in tables(rows) {
        let opening =
            format!("<!-- begin: {name}; written by `cargo xtask docs`, do not edit -->\n");
        let ending = format!("<!-- end: {name} -->\n");
        let places = text.find(&opening).map(|start| start + opening.len());
        let places = places.and_then(|start| Some((start, start + text[start..].find(&ending)?)));
        let Some((start, end)) = places else {
            let said = format!(
                "it has no place for the table \"{name}\": write {} and {} where it belongs",
                opening.trim_end(),
                ending.trim_end()
            );
            return Err(Fault::new(DOCUMENT, 1, said));
        };
        text.replace_range(start..end, &format!("\n{table}\n"));
    }
    Ok(text)
}

fn tables(rows: &Rows) -> Vec<(&'static str, String)> {
    let mut tables: Vec<_> = Role::ALL
        .into_iter()
        .map(|role| (role.section(), components_table(role, rows)))
        .collect();
    for listing in Listing::ALL {
        let proofs = rows.listings.get(&listing);
        let mut table = match listing {
            Listing::RefusedOptions => options_table(true, "why not"),
            Listing::IdleOptions => options_table(false, "why it does nothing"),
            Listing::AbsentComponents => absent_table(),
        };
        let proofs = proofs.map(proven).unwrap_or_default();
        let _ = writeln!(table, "\nProven by {proofs}.");
        tables.push((listing.name(), table));
    }
    tables
}

fn components_table(role: Role, rows: &Rows) -> String {
    let head = match role {
        Role::Extension => ["extension", "option or behaviour"].join(" | "),
        role => [role.name(), "signals", "option or behaviour"].join(" | "),
    };
    let columns = head.matches('|').count() + 3;
    let mut table = format!(
        "| {head} | against the Collector | proven by |\n|{}\n",
        "---|".repeat(columns)
    );
    let all: Vec<Component> = components().collect();
    let mut last = None;
    for (row, proofs) in &rows.components {
        let component = &all[row.place];
        if component.role != role {
            continue;
        }
        let is_new = last.replace(row.place) != Some(row.place);
        let name = if is_new {
            names(component)
        } else {
            String::new()
        };
        let signals = match role {
            Role::Extension => String::new(),
            _ => format!("{} | ", row.signals.join(", ")),
        };
        let _ = writeln!(
            table,
            "| {name} | {signals}{} | {} | {} |",
            row.what,
            row.verdict,
            proven(proofs)
        );
    }
    table
}

/// Today's name, and the old ones.
fn names(component: &Component) -> String {
    let old = component
        .old_names
        .iter()
        .map(|name| format!(" (`{name}`)"));
    format!("`{}`{}", component.name, old.collect::<String>())
}

/// Links to tests, named by their crate.
fn proven(proofs: &BTreeSet<Proof>) -> String {
    let links = proofs.iter().map(|Proof { file, test }| {
        let mut folders = Path::new(file).iter().filter_map(|part| part.to_str());
        let package = folders.find(|part| *part != "crates").unwrap_or_default();
        let room = package.strip_prefix("tailweir-").unwrap_or(package);
        format!("[{room}: `{test}`](../{file})")
    });
    links.collect::<Vec<_>>().join(", ")
}

/// Options that share a reason share a row, and name the components that have them.
fn options_table(is_refused: bool, title: &str) -> String {
    let mut groups = BTreeMap::<&str, Vec<IdleOption>>::new();
    for option in idle_options() {
        if option.is_refused == is_refused {
            groups.entry(option.reason).or_default().push(option);
        }
    }
    let row = |(reason, options): (&str, Vec<IdleOption>)| {
        let reason = reason.replace('|', "\\|");
        format!("| {} | {} | {reason} |\n", keys(&options), owners(&options))
    };
    let mut lines: Vec<String> = groups.into_iter().map(row).collect();
    lines.sort();
    format!(
        "| options | of | {title} |\n|---|---|---|\n{}",
        lines.concat()
    )
}

/// The options with the way to them, where it is the same for all.
fn keys(options: &[IdleOption]) -> String {
    let mut ways = BTreeMap::<&str, BTreeSet<&[&str]>>::new();
    for option in options {
        if let Some(key) = option.path.last() {
            ways.entry(key).or_default().insert(&option.path);
        }
    }
    let shown = ways.into_iter().map(|(key, ways)| {
        let mut ways = ways.into_iter();
        match (ways.next(), ways.next()) {
            (Some(way), None) => format!("`{}`", way.join(".").replace(".[]", "[]")),
            _ => format!("`{key}`"),
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// The components that have some options, by role.
fn owners(options: &[IdleOption]) -> String {
    let of_role = |role: Role| {
        let mut names: Vec<String> = Vec::new();
        for component in options.iter().map(|option| option.component) {
            let name = format!("`{}`", component.name);
            if component.role == role && !names.contains(&name) {
                names.push(name);
            }
        }
        match names.len() {
            0 => None,
            1 => Some(format!("{role} {}", names[0])),
            _ => Some(format!("{} {}", role.section(), names.join(", "))),
        }
    };
    let roles: Vec<String> = Role::ALL.into_iter().filter_map(of_role).collect();
    roles.join("; ")
}

fn absent_table() -> String {
    let mut table = "| kind | components | instead |\n|---|---|---|\n".to_owned();
    for group in absent_components() {
        let mut names: Vec<String> = group.names.iter().map(|name| format!("`{name}`")).collect();
        names.sort();
        let _ = writeln!(
            table,
            "| {} | {} | {} |",
            group.role,
            names.join(", "),
            group.instead
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::filled;
    use crate::conformance::row::Rows;

    fn marks(names: &[&str]) -> String {
        let places = names.iter().map(|name| {
            format!("## {name}\n<!-- begin: {name}; written by `cargo xtask docs`, do not edit -->\nold\n<!-- end: {name} -->\n")
        });
        places.collect()
    }

    const NAMES: [&str; 8] = [
        "receivers",
        "processors",
        "exporters",
        "connectors",
        "extensions",
        "refused options",
        "options without effect",
        "absent components",
    ];

    /// Scenario: a document with all marks, and old tables between them; two rows, one of which two tests prove.
    /// Guarantees: the tables are the rows, the same before another, with links to the tests; what is around them
    /// stays; a second pass changes nothing.
    #[test]
    fn tables_are_written_between_their_marks() {
        let source = "
/// Conforms: processor `batch` | traces, metrics, logs | bytes | better: bounded
/// Conforms: processor `batch` | traces | all | same
#[test]
fn one() {}
/// Conforms: processor `batch` | traces | all | same
#[test]
fn two() {}
/// Conforms: catalogue | refused options
#[test]
fn three() {}";
        let mut rows = Rows::default();
        let file = "crates/tailweir-config/src/a.rs";
        rows.collect(file, source, &mut Vec::new()).unwrap();
        let text = filled(&marks(&NAMES), &rows).unwrap();
        assert!(!text.contains("old\n") && text.contains("## exporters\n<!-- begin: exporters;"));
        let proof = |name: &str| format!("[config: `{name}`](../{file})");
        let table = format!(
            "| processor | signals | option or behaviour | against the Collector | proven by |\n|---|---|---|---|---|\n\
             | `batch` | traces | all | same | {}, {} |\n\
             |  | traces, metrics, logs | bytes | better: bounded | {} |\n\
             \n<!-- end: processors -->\n",
            proof("one"),
            proof("two"),
            proof("one")
        );
        assert!(text.contains(&table), "{text}");
        assert!(
            text.contains("exporters `otlp_grpc`,")
                && text.contains(&format!("Proven by {}.", proof("three")))
        );
        assert_eq!(filled(&text, &rows).unwrap(), text);
    }

    /// Scenario: a document without the marks of one table.
    /// Guarantees: it is told, with the marks to write.
    #[test]
    fn a_table_without_a_place_is_told() {
        let fault = filled(&marks(&NAMES[1..]), &Rows::default()).unwrap_err();
        assert_eq!(fault.file, "docs/compatibility.md");
        assert!(
            fault.text.contains("write <!-- begin: receivers;"),
            "{}",
            fault.text
        );
    }
}
