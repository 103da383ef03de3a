//! A condition: compiled once, evaluated for every subject.

use crate::compile::Compiler;
use crate::expression::Predicate;
use crate::{CompileError, Context, EvaluationError, Options, Subject, parser};

/// A condition about subjects whose paths are `P`.
#[derive(Debug)]
pub struct Condition<P> {
    text: Box<str>,
    predicate: Predicate<P>,
}

impl<P> Condition<P> {
    /// Compiles a condition: names are resolved, arguments checked, patterns and constants made ready.
    ///
    /// # Errors
    /// [`CompileError`] with the place, the reason and, for an unknown name, the nearest valid one.
    pub fn compile<C: Context<Path = P>>(
        text: &str,
        context: &C,
        options: &Options,
    ) -> Result<Self, CompileError> {
        let logic = parser::condition(text)?;
        let predicate = Compiler::new(text, context, options).predicate(&logic)?;
        Ok(Self {
            text: text.into(),
            predicate,
        })
    }

    /// Whether it holds for this subject.
    ///
    /// # Errors
    /// [`EvaluationError`] when it has no result, for example when a converter is given what it cannot
    /// take. What that means is up to the caller's error mode.
    pub fn evaluate<S: Subject<P>>(&self, subject: &S) -> Result<bool, EvaluationError> {
        self.predicate.holds(subject, None)
    }

    /// The condition as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}
