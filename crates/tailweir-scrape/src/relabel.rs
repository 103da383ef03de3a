//! Rules that rewrite labels, as Prometheus applies them.

use crate::{JobError, Labels};
use md5::{Digest, Md5};
use regex::Regex;
use tailweir_config::{NameValidation, RelabelAction, RelabelRule};

/// Longest value that a rule may write, in bytes: expressions can multiply what they match.
const VALUE_MAX: usize = 64 << 10;

/// What the rules say about labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// They stay, as rewritten.
    Keep,
    /// What bears them is left out.
    Drop,
}

/// Rules, ready to be applied.
#[derive(Debug)]
pub struct Relabeling {
    rules: Vec<Rule>,
    names: NameValidation,
}

#[derive(Debug)]
struct Rule {
    action: RelabelAction,
    source_labels: Vec<String>,
    separator: String,
    regex: Regex,
    modulus: u64,
    target: String,
    replacement: String,
}

impl Relabeling {
    /// Compiles the rules.
    ///
    /// # Errors
    /// [`JobError::Pattern`].
    pub fn new(rules: &[RelabelRule], names: NameValidation) -> Result<Self, JobError> {
        let compiled = rules.iter().enumerate().map(|(index, rule)| {
            let regex = Regex::new(&rule.anchored()).map_err(|error| JobError::Pattern {
                rule: index,
                problem: error.to_string(),
            })?;
            let source_labels = rule.source_labels.iter();
            Ok(Rule {
                action: rule.action,
                source_labels: source_labels.map(|it| it.as_str().to_owned()).collect(),
                separator: rule.separator.as_str().to_owned(),
                regex,
                modulus: rule.modulus,
                target: rule.target_label.as_str().to_owned(),
                replacement: rule.replacement.as_str().to_owned(),
            })
        });
        Ok(Self {
            rules: compiled.collect::<Result<_, _>>()?,
            names,
        })
    }

    /// Applies the rules, one after the other, until one drops.
    pub fn apply(&self, labels: &mut Labels) -> Ruling {
        for rule in &self.rules {
            if rule.apply(labels, self.names) == Ruling::Drop {
                return Ruling::Drop;
            }
        }
        Ruling::Keep
    }
}

impl Rule {
    fn apply(&self, labels: &mut Labels, names: NameValidation) -> Ruling {
        use RelabelAction as A;
        let value = self.value(labels);
        let keeps = match self.action {
            A::Keep => self.regex.is_match(&value),
            A::Drop => !self.regex.is_match(&value),
            A::KeepEqual => labels.get(&self.target) == value,
            A::DropEqual => labels.get(&self.target) != value,
            _ => true,
        };
        if !keeps {
            return Ruling::Drop;
        }
        match self.action {
            A::Replace => self.replace(&value, labels, names),
            A::Lowercase => labels.set(&self.target, value.to_lowercase()),
            A::Uppercase => labels.set(&self.target, value.to_uppercase()),
            A::HashMod => labels.set(&self.target, self.hash(&value)),
            A::LabelMap => self.map(labels),
            A::LabelDrop => labels.retain(|name| !self.regex.is_match(name)),
            A::LabelKeep => labels.retain(|name| self.regex.is_match(name)),
            A::Keep | A::Drop | A::KeepEqual | A::DropEqual => {}
        }
        Ruling::Keep
    }

    fn value(&self, labels: &Labels) -> String {
        let values: Vec<_> = self.source_labels.iter().map(|it| labels.get(it)).collect();
        values.join(&self.separator)
    }

    fn replace(&self, value: &str, labels: &mut Labels, names: NameValidation) {
        let Some(groups) = self.regex.captures(value) else {
            return;
        };
        let mut target = String::new();
        groups.expand(&self.target, &mut target);
        if names.is_label_name(&target) {
            let mut written = String::new();
            groups.expand(&self.replacement, &mut written);
            labels.set(&target, cut(written));
        }
    }

    /// The last eight bytes of an MD5 sum, divided.
    fn hash(&self, value: &str) -> String {
        let sum: [u8; 16] = Md5::digest(value).into();
        let last = u128::from_be_bytes(sum) as u64;
        last.checked_rem(self.modulus).unwrap_or(0).to_string()
    }

    fn map(&self, labels: &mut Labels) {
        for (name, value) in labels.clone().iter() {
            if self.regex.is_match(name) {
                let target = self.regex.replace(name, self.replacement.as_str());
                labels.set(&target, value);
            }
        }
    }
}

fn cut(mut text: String) -> String {
    let mut end = text.len().min(VALUE_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}
