//! What detectors of clouds have in common: attributes that are wanted, tags by name, and what is missing.

use super::{DetectionError, Found, text};
use serde_json::Value;
use std::fmt::Display;
use tailweir_ottl::GoRegex;

/// What a cloud tells.
pub(super) struct Cloud<'a> {
    detector: &'static str,
    wants: Box<dyn Fn(&str) -> bool + 'a>,
    pub(super) found: Found,
}

impl<'a> Cloud<'a> {
    /// Nothing yet, for a detector of this name.
    pub(super) fn new(detector: &'static str, wants: impl Fn(&str) -> bool + 'a) -> Self {
        Self {
            detector,
            wants: Box::new(wants),
            found: Found::new(),
        }
    }

    /// Adds an attribute that is wanted and says something.
    pub(super) fn put(&mut self, attribute: &'static str, value: &str) {
        if !value.is_empty() && (self.wants)(attribute) {
            self.found.push((attribute.to_owned(), text(value)));
        }
    }

    /// The same for what may be no text.
    pub(super) fn put_json(&mut self, attribute: &'static str, value: &Value) {
        self.put(attribute, value.as_str().unwrap_or_default());
    }

    /// Adds a tag that is wanted.
    pub(super) fn put_tag(&mut self, tags: &Tags, name: &str, value: &str) {
        if tags.want(name) {
            let attribute = format!("{}{name}", tags.prefix);
            self.found.push((attribute, text(value)));
        }
    }

    /// Whether there is an attribute of this name.
    pub(super) fn has(&self, attribute: &str) -> bool {
        self.found.iter().any(|(known, _)| known == attribute)
    }

    /// Nobody is there who could tell.
    pub(super) fn missing(&self, problem: &dyn Display) -> DetectionError {
        DetectionError::NoCloud {
            detector: self.detector,
            problem: problem.to_string(),
        }
    }

    /// Somebody is there, and has no answer.
    pub(super) fn failed(&self, problem: &dyn Display) -> DetectionError {
        DetectionError::Cloud {
            detector: self.detector,
            problem: problem.to_string(),
        }
    }
}

/// Tags whose names match one of some patterns.
pub(super) struct Tags {
    prefix: &'static str,
    patterns: Vec<GoRegex>,
}

impl Tags {
    /// Those of these patterns, as attributes that begin with `prefix`.
    ///
    /// # Errors
    ///
    /// A pattern is none.
    pub(super) fn of(prefix: &'static str, patterns: &[String]) -> Result<Self, DetectionError> {
        let patterns = patterns.iter().map(|pattern| GoRegex::new(pattern));
        Ok(Self {
            prefix,
            patterns: patterns.collect::<Result<_, _>>()?,
        })
    }

    /// Whether none is wanted.
    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether one of this name is wanted.
    pub(super) fn want(&self, name: &str) -> bool {
        let mut patterns = self.patterns.iter();
        patterns.any(|pattern| pattern.is_match(name.as_bytes()))
    }
}
