//! What a text says about the context that it is meant for, before one is chosen.

use crate::syntax::{Body, Call, Logic, Operand, OperandKind};
use crate::{CompileError, converters, editors, parser};

/// The names that a statement or condition uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hints {
    /// The first name of each path that has several: what may be the name of a context.
    pub contexts: Vec<String>,
    /// Editors and converters.
    pub functions: Vec<String>,
    /// Enumeration symbols.
    pub symbols: Vec<String>,
}

impl Hints {
    /// Reads a statement.
    ///
    /// # Errors
    /// When it cannot be parsed.
    pub fn of_statement(text: &str) -> Result<Self, CompileError> {
        let statement = parser::statement(text).map_err(CompileError::of_statement)?;
        let mut hints = Self::default();
        hints.call(&statement.editor);
        if let Some(condition) = &statement.condition {
            hints.logic(condition);
        }
        Ok(hints)
    }

    /// Reads a condition.
    ///
    /// # Errors
    /// When it cannot be parsed.
    pub fn of_condition(text: &str) -> Result<Self, CompileError> {
        let mut hints = Self::default();
        hints.logic(&parser::condition(text)?);
        Ok(hints)
    }

    /// Adds the names of another text.
    pub fn add(&mut self, other: Self) {
        other
            .contexts
            .iter()
            .for_each(|name| put(&mut self.contexts, name));
        other
            .functions
            .iter()
            .for_each(|name| put(&mut self.functions, name));
        other
            .symbols
            .iter()
            .for_each(|name| put(&mut self.symbols, name));
    }

    fn logic(&mut self, logic: &Logic<'_>) {
        match logic {
            Logic::Constant(_) => {}
            Logic::Comparison(left, _, right) => {
                self.operand(left);
                self.operand(right);
            }
            Logic::Converter(converter) => self.operand(converter),
            Logic::Not(inner) => self.logic(inner),
            Logic::All(parts) | Logic::Any(parts) => {
                parts.iter().for_each(|part| self.logic(part));
            }
        }
    }

    fn operand(&mut self, operand: &Operand<'_>) {
        match &operand.kind {
            OperandKind::Constant(_) | OperandKind::Function(_) => {}
            OperandKind::Symbol(name) => put(&mut self.symbols, name),
            OperandKind::Path(segments) => {
                if let [first, _, ..] = segments.as_slice() {
                    put(&mut self.contexts, first.name);
                }
                let keys = segments.iter().flat_map(|segment| &segment.keys);
                keys.for_each(|key| self.operand(key));
            }
            OperandKind::Converter(call) => self.call(call),
            OperandKind::List(items) => items.iter().for_each(|item| self.operand(item)),
            OperandKind::Map(entries) => {
                entries.iter().for_each(|(_, value)| self.operand(value));
            }
            OperandKind::Arithmetic(left, _, right) => {
                self.operand(left);
                self.operand(right);
            }
            OperandKind::Negation(inner) => self.operand(inner),
            OperandKind::Lambda(lambda) => match &*lambda.body {
                Body::Value(value) => self.operand(value),
                Body::Logic(logic) => self.logic(logic),
            },
        }
    }

    fn call(&mut self, call: &Call<'_>) {
        put(&mut self.functions, call.name);
        for argument in &call.arguments {
            match &argument.value.kind {
                // The name of a converter in upper case, such as SHA256, looks like a symbol.
                OperandKind::Symbol(name) if converters::find(name).is_some() => {}
                _ => self.operand(&argument.value),
            }
        }
        call.keys.iter().for_each(|key| self.operand(key));
    }
}

/// Whether every context has an editor or converter of this name.
#[must_use]
pub fn is_standard_function(name: &str) -> bool {
    converters::find(name).is_some() || editors::names().any(|known| known == name)
}

fn put(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::Hints;

    /// Scenario: a statement with paths, calls and symbols in every place.
    /// Guarantees: each name is found once, and a converter that is given by name is no symbol.
    #[test]
    fn a_text_tells_its_names() {
        let text = r#"replace_match(span.attributes[resource.attributes["x"]], "a", Concat([span.name], ""), SHA256)
            where not (span.kind == SPAN_KIND_SERVER and IsMatch(name, "x"))"#;
        let hints = Hints::of_statement(text).unwrap();
        assert_eq!(hints.contexts, ["span", "resource"]);
        assert_eq!(hints.functions, ["replace_match", "Concat", "IsMatch"]);
        assert_eq!(hints.symbols, ["SPAN_KIND_SERVER"]);
    }
}
