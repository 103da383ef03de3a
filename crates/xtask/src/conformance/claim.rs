//! The grammar of a line at a test.

use std::fmt;
use tailweir_config::Role;

/// How every line begins.
pub(super) const LABEL: &str = "Conforms:";

/// What a source has that may hold a line, well written or not.
pub(super) const STEM: &str = "onform";

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// Components behave so.
    Components(ComponentClaim),
    /// Everything in a table of the catalogue is told as it says.
    Catalogue(Listing),
}

/// What components do, for some signals.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ComponentClaim {
    pub(super) role: Role,
    pub(super) names: Vec<String>,
    /// Empty for extensions.
    pub(super) signals: Vec<String>,
    /// The option or the behaviour.
    pub(super) what: String,
    pub(super) verdict: Verdict,
}

/// How it is against the Collector.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Same,
    Better(String),
    Differs(String),
    OnlyHere(String),
    NoEffect(String),
    NotOffered(String),
}

/// A table that is written from the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Listing {
    /// Options that are refused.
    RefusedOptions,
    /// Options that are accepted and do nothing.
    IdleOptions,
    /// Components of the Collector that are not here.
    AbsentComponents,
}

impl Listing {
    pub(super) const ALL: [Self; 3] = [
        Self::RefusedOptions,
        Self::IdleOptions,
        Self::AbsentComponents,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::RefusedOptions => "refused options",
            Self::IdleOptions => "options without effect",
            Self::AbsentComponents => "absent components",
        }
    }
}

/// Reads what stands behind the label; the error says what to write.
pub(super) fn read(text: &str) -> Result<Claim, String> {
    let cells: Vec<&str> = text.split('|').map(str::trim).collect();
    let head = cells[0];
    if head == "catalogue" {
        return catalogue(&cells[1..]).map(Claim::Catalogue);
    }
    let (word, names) = head.split_once(' ').unwrap_or((head, ""));
    let Some(role) = Role::ALL.into_iter().find(|role| role.name() == word) else {
        let roles = Role::ALL.map(Role::name).join("`, `");
        return Err(format!(
            "`{word}` is no kind of component: begin with `{roles}` or `catalogue`"
        ));
    };
    let names = names
        .split(',')
        .map(|name| name.trim().strip_prefix('`')?.strip_suffix('`'))
        .map(|name| name.filter(|name| !name.is_empty()).map(str::to_owned))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| format!("name the {role} in backquotes: {role} `NAME` | ..."))?;
    let (signals, rest) = match role {
        Role::Extension => (Vec::new(), &cells[1..]),
        _ => (
            list(cells.get(1).copied()),
            cells.get(2..).unwrap_or_default(),
        ),
    };
    let &[what, verdict] = rest else {
        return Err(format!(
            "it has {} parts: write {}",
            cells.len(),
            form(role)
        ));
    };
    if what.is_empty() || (signals.is_empty() && role != Role::Extension) {
        return Err(format!("a part is empty: write {}", form(role)));
    }
    Ok(Claim::Components(ComponentClaim {
        role,
        names,
        signals,
        what: what.to_owned(),
        verdict: Verdict::read(verdict)?,
    }))
}

fn form(role: Role) -> String {
    let signals = match role {
        Role::Extension => "",
        _ => " | SIGNAL, SIGNAL",
    };
    format!("`{LABEL} {role} `NAME`{signals} | OPTION OR BEHAVIOUR | VERDICT`")
}

fn list(cell: Option<&str>) -> Vec<String> {
    let parts = cell.unwrap_or_default().split(',').map(str::trim);
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

fn catalogue(cells: &[&str]) -> Result<Listing, String> {
    let found = match cells {
        [name] => Listing::ALL
            .into_iter()
            .find(|listing| listing.name() == *name),
        _ => None,
    };
    found.ok_or_else(|| {
        let names = Listing::ALL.map(Listing::name).join("`, `");
        format!("write `{LABEL} catalogue | TABLE`, where the table is one of `{names}`")
    })
}

impl Verdict {
    /// Where its sort stands in a table.
    pub(super) const fn rank(&self) -> usize {
        match self {
            Self::Same => 0,
            Self::Better(_) => 1,
            Self::Differs(_) => 2,
            Self::OnlyHere(_) => 3,
            Self::NoEffect(_) => 4,
            Self::NotOffered(_) => 5,
        }
    }

    fn read(text: &str) -> Result<Self, String> {
        let (word, why) = text.split_once(':').unwrap_or((text, ""));
        let why = why.trim().to_owned();
        let verdict = match (word, why.is_empty()) {
            ("same", true) => Self::Same,
            ("better", false) => Self::Better(why),
            ("differs", false) => Self::Differs(why),
            ("only here", false) => Self::OnlyHere(why),
            ("no effect", false) => Self::NoEffect(why),
            ("not offered", false) => Self::NotOffered(why),
            _ => {
                return Err(format!(
                    "`{text}` is no verdict: write `same`, or `better: ...`, `differs: ...`, `only here: ...`, \
                     `no effect: ...`, `not offered: ...` with how or why"
                ));
            }
        };
        Ok(verdict)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, why) = match self {
            Self::Same => return f.write_str("same"),
            Self::Better(why) => ("better", why),
            Self::Differs(why) => ("differs", why),
            Self::OnlyHere(why) => ("only here", why),
            Self::NoEffect(why) => ("no effect", why),
            Self::NotOffered(why) => ("not offered", why),
        };
        write!(f, "{word}: {why}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Claim, ComponentClaim, Verdict, read};
    use tailweir_config::Role;

    /// Scenario: a line about two exporters, and one about an extension, which has no signals.
    /// Guarantees: each part is where it belongs, and the verdict is printed as it was written.
    #[test]
    fn a_line_is_read_by_its_parts() {
        let claim =
            read("exporter `a`, `b` | traces, logs | `tls`, `auth` | better: it is: so").unwrap();
        let Claim::Components(claim) = claim else {
            panic!("{claim:?}");
        };
        assert_eq!(claim.verdict.to_string(), "better: it is: so");
        let expected = ComponentClaim {
            role: Role::Exporter,
            names: vec!["a".to_owned(), "b".to_owned()],
            signals: vec!["traces".to_owned(), "logs".to_owned()],
            what: "`tls`, `auth`".to_owned(),
            verdict: Verdict::Better("it is: so".to_owned()),
        };
        assert_eq!(claim, expected);
        let claim = read("extension `a` | its page | same").unwrap();
        assert!(matches!(claim, Claim::Components(claim) if claim.signals.is_empty()));
    }

    /// Scenario: lines with an unknown kind, a bare name, a part too few and one too many, an empty part, an unknown
    /// verdict, a verdict without its reason, and an unknown table of the catalogue.
    /// Guarantees: each is refused with what to write.
    #[test]
    fn a_malformed_line_is_told_what_to_write() {
        for (text, said) in [
            (
                "procesor `a` | logs | all | same",
                "begin with `receiver`, `processor`",
            ),
            (
                "processor a | logs | all | same",
                "name the processor in backquotes",
            ),
            (
                "processor `a` | logs | same",
                "it has 3 parts: write `Conforms: processor `NAME` | SIGNAL",
            ),
            ("processor `a` | logs | all | same | x", "it has 5 parts"),
            (
                "extension `a` | logs | all | same",
                "write `Conforms: extension `NAME` | OPTION",
            ),
            ("processor `a` |  | all | same", "a part is empty"),
            ("processor `a` | logs |  | same", "a part is empty"),
            (
                "processor `a` | logs | all | equal",
                "`equal` is no verdict: write `same`",
            ),
            (
                "processor `a` | logs | all | better",
                "`better` is no verdict",
            ),
            ("processor `a` | logs | all | same: nearly", "is no verdict"),
            (
                "catalogue | options",
                "where the table is one of `refused options`",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
