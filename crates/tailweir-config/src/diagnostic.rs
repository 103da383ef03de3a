//! What is said about a configuration.

use crate::Location;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// How grave something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// An old form that runs here, though the Collector no longer takes it. `--strict` refuses it.
    Advice,
    /// It runs, but hardly as meant.
    Warning,
    /// The configuration is refused.
    Error,
}

impl Severity {
    /// The word before a message: `error`, `warning` or `advice`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Advice => "advice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What sort of thing is said, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A source, or a file that an option names, cannot be read.
    Unreadable,
    /// A source is not YAML, or not a map.
    Syntax,
    /// A substitution (`${...}`) cannot be made.
    Substitution,
    /// A variable is not set and has no default.
    Unset,
    /// An option that does not exist.
    UnknownKey,
    /// A value of the wrong type.
    WrongType,
    /// A value that is none of those allowed.
    NotAllowed,
    /// A number or duration outside its range.
    OutOfRange,
    /// Something required is not there.
    Missing,
    /// Something is required because of another option.
    MissingBeside,
    /// Options that exclude each other.
    Contradiction,
    /// A regular expression that does not compile.
    BadPattern,
    /// A component id that is not `type` or `type/name`.
    BadId,
    /// A type of component that nobody knows.
    UnknownComponent,
    /// A type of component of the Collector that this version does not have.
    AbsentComponent,
    /// An option of the Collector that this version does not have.
    AbsentOption,
    /// A reference to something that is not configured.
    Dangling,
    /// Something listed twice.
    Duplicate,
    /// A component that does not take this signal.
    WrongSignal,
    /// Pipelines that feed themselves.
    Cycle,
    /// A sampling policy that the Collector's start refuses.
    BadPolicy,
    /// A form of older Collectors.
    OldForm,
    /// An option that does nothing here.
    NoEffect,
    /// Legal, but odd.
    Oddity,
    /// Legal; something else would serve better.
    Advisable,
}

impl Cause {
    /// The word for programs, such as `absent_component`. It stays the same from version to version.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Syntax => "syntax",
            Self::Substitution => "substitution",
            Self::Unset => "unset",
            Self::UnknownKey => "unknown_key",
            Self::WrongType => "wrong_type",
            Self::NotAllowed => "not_allowed",
            Self::OutOfRange => "out_of_range",
            Self::Missing => "missing",
            Self::MissingBeside => "missing_beside",
            Self::Contradiction => "contradiction",
            Self::BadPattern => "bad_pattern",
            Self::BadId => "bad_id",
            Self::UnknownComponent => "unknown_component",
            Self::AbsentComponent => "absent_component",
            Self::AbsentOption => "absent_option",
            Self::Dangling => "dangling",
            Self::Duplicate => "duplicate",
            Self::WrongSignal => "wrong_signal",
            Self::Cycle => "cycle",
            Self::BadPolicy => "bad_policy",
            Self::OldForm => "old_form",
            Self::NoEffect => "no_effect",
            Self::Oddity => "oddity",
            Self::Advisable => "advisable",
        }
    }
}

/// One thing that is said about a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How grave it is.
    pub severity: Severity,
    /// What sort of thing it is.
    pub cause: Cause,
    /// Where it stands.
    pub location: Location,
    /// How many characters of that line it is about, 1 at least.
    pub length: u32,
    /// The keys that lead there, joined by `::`. Empty for the whole configuration.
    pub path: String,
    /// What is wrong. Never holds a value that may be secret.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl fmt::Display for Diagnostic {
    /// One line: place, severity, path, message and help.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: ", self.location, self.severity.word())?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

/// All that is said about a configuration. Prints with the lines of the sources, in which secrets
/// are blotted out.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
    texts: BTreeMap<Arc<str>, Arc<str>>,
}

impl Diagnostics {
    /// Puts findings and the texts of their sources together, the gravest first.
    pub(crate) fn new(mut items: Vec<Diagnostic>, texts: BTreeMap<Arc<str>, Arc<str>>) -> Self {
        items.sort_by(|a, b| {
            let place = |item: &Diagnostic| (item.location.line, item.location.column);
            b.severity
                .cmp(&a.severity)
                .then_with(|| a.location.source.cmp(&b.location.source))
                .then_with(|| place(a).cmp(&place(b)))
        });
        Self { items, texts }
    }

    /// Everything, the gravest first, otherwise by file, line and column.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items.iter()
    }

    /// What the configuration is refused for.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items
            .iter()
            .filter(|item| item.severity == Severity::Error)
    }

    /// What is said although it is not refused: warnings and advice.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items
            .iter()
            .filter(|item| item.severity != Severity::Error)
    }

    /// What is wrong in a configuration that is refused: without the advice to write something that is
    /// missing, which may only follow from it.
    #[must_use]
    pub fn without_advice_to_add(mut self) -> Self {
        self.items.retain(|item| item.cause != Cause::Advisable);
        self
    }

    /// Whether the configuration is refused.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    /// Adds what other rooms find when they compile what a configuration only holds as text.
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, found: I) {
        self.items.extend(found);
        self.items
            .sort_by_key(|item| std::cmp::Reverse(item.severity));
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for item in &self.items {
            self.show(item, f)?;
        }
        Ok(())
    }
}

impl Diagnostics {
    fn show(&self, item: &Diagnostic, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", item.severity.word())?;
        if !item.path.is_empty() {
            write!(f, "{}: ", item.path)?;
        }
        writeln!(f, "{}", item.message)?;
        let number = item.location.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, "{margin}--> {}", item.location)?;
        if let Some(line) = self.line(&item.location) {
            writeln!(f, "{margin} |")?;
            let (line, start) = clip(line, item.location.column as usize);
            let rest = line.chars().count().saturating_sub(start).max(1);
            let carets = "^".repeat((item.length as usize).clamp(1, rest));
            writeln!(f, "{number} | {line}")?;
            writeln!(f, "{margin} | {}{carets}", " ".repeat(start))?;
        }
        if let Some(help) = &item.help {
            writeln!(f, "{margin} = help: {help}")?;
        }
        writeln!(f)
    }

    fn line(&self, location: &Location) -> Option<&str> {
        let index = (location.line as usize).checked_sub(1)?;
        self.texts.get(&location.source)?.lines().nth(index)
    }
}

/// At most 120 characters of a line around a column (from 1), with the column from 0 in them.
fn clip(line: &str, column: usize) -> (String, usize) {
    let at = column.saturating_sub(1);
    let from = at.saturating_sub(80);
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    (
        line.chars().skip(from).take(120).map(plain).collect(),
        at - from,
    )
}
