//! The paths that a text names, for whoever has to know them before anything is evaluated.

use crate::syntax::{Body, Call, Logic, Operand, OperandKind, Segment};
use crate::{CompileError, Value, parser};

/// A path as it is written: `otelcol.client.metadata["tenant"][0]` has three names and two keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenPath {
    /// The names between the dots, at least one.
    pub names: Vec<String>,
    /// The keys behind the last name: their text where it is written out, nothing where a key is a number or
    /// computed.
    pub keys: Vec<Option<String>>,
}

impl WrittenPath {
    /// All paths of a condition, those in keys and arguments among them, in no order. Parameters of lambdas
    /// look like paths and are among them too.
    ///
    /// # Errors
    /// [`CompileError`] when the text is no condition. Names are not resolved, so they cannot be wrong.
    pub fn of_condition(text: &str) -> Result<Vec<Self>, CompileError> {
        let mut paths = Vec::new();
        add_logic(&parser::condition(text)?, &mut paths);
        Ok(paths)
    }

    /// All paths of a statement, as of a condition.
    ///
    /// # Errors
    /// [`CompileError`] when the text is no statement.
    pub fn of_statement(text: &str) -> Result<Vec<Self>, CompileError> {
        let statement = parser::statement(text).map_err(CompileError::of_statement)?;
        let mut paths = Vec::new();
        add_call(&statement.editor, &mut paths);
        if let Some(condition) = &statement.condition {
            add_logic(condition, &mut paths);
        }
        Ok(paths)
    }

    fn of(segments: &[Segment<'_>]) -> Self {
        let keys = segments.last().map_or(&[][..], |last| &last.keys);
        Self {
            names: segments.iter().map(|it| it.name.to_owned()).collect(),
            keys: keys.iter().map(literal).collect(),
        }
    }
}

/// A text that is written out.
fn literal(operand: &Operand<'_>) -> Option<String> {
    match &operand.kind {
        OperandKind::Constant(Value::String(text)) => String::from_utf8(text.to_vec()).ok(),
        _ => None,
    }
}

fn add_logic(logic: &Logic<'_>, paths: &mut Vec<WrittenPath>) {
    match logic {
        Logic::Constant(_) => {}
        Logic::Comparison(left, _, right) => {
            add_operand(left, paths);
            add_operand(right, paths);
        }
        Logic::Converter(operand) => add_operand(operand, paths),
        Logic::Not(inner) => add_logic(inner, paths),
        Logic::All(parts) | Logic::Any(parts) => {
            for part in parts {
                add_logic(part, paths);
            }
        }
    }
}

fn add_operand(operand: &Operand<'_>, paths: &mut Vec<WrittenPath>) {
    match &operand.kind {
        OperandKind::Constant(_) | OperandKind::Symbol(_) | OperandKind::Function(_) => {}
        OperandKind::Path(segments) => {
            paths.push(WrittenPath::of(segments));
            add_operands(segments.iter().flat_map(|segment| &segment.keys), paths);
        }
        OperandKind::Converter(call) => add_call(call, paths),
        OperandKind::List(items) => add_operands(items, paths),
        OperandKind::Map(entries) => add_operands(entries.iter().map(|(_, value)| value), paths),
        OperandKind::Arithmetic(left, _, right) => {
            add_operand(left, paths);
            add_operand(right, paths);
        }
        OperandKind::Negation(inner) => add_operand(inner, paths),
        OperandKind::Lambda(lambda) => match &*lambda.body {
            Body::Value(value) => add_operand(value, paths),
            Body::Logic(logic) => add_logic(logic, paths),
        },
    }
}

fn add_operands<'o, 's: 'o>(
    operands: impl IntoIterator<Item = &'o Operand<'s>>,
    paths: &mut Vec<WrittenPath>,
) {
    for operand in operands {
        add_operand(operand, paths);
    }
}

fn add_call(call: &Call<'_>, paths: &mut Vec<WrittenPath>) {
    add_operands(call.arguments.iter().map(|it| &it.value), paths);
    add_operands(&call.keys, paths);
}

#[cfg(test)]
mod tests {
    use super::WrittenPath;

    fn written(paths: &[WrittenPath]) -> Vec<String> {
        let keys = |path: &WrittenPath| {
            let keys = path.keys.iter();
            let keys = keys.map(|key| format!("[{}]", key.as_deref().unwrap_or("?")));
            keys.collect::<String>()
        };
        let mut written: Vec<_> = paths
            .iter()
            .map(|path| path.names.join(".") + &keys(path))
            .collect();
        written.sort();
        written
    }

    /// Scenario: a condition with paths in every place that can hold one: both sides of a comparison, keys,
    /// arguments, lists, maps, arithmetic, lambdas, and behind `not`, `and`, `or`.
    /// Guarantees: each is found, with the texts of its keys that are written out.
    #[test]
    fn every_path_of_a_condition_is_found() {
        let text = r#"not (a.b["k"][0] == c[d.e]) and IsMatch(f["x"], "g") or -h > i + 1
            and ContainsValue([j, {"k": l}], m) or Any(n, (o) => o == p)"#;
        let paths = WrittenPath::of_condition(text).expect("a condition");
        let expected = [
            "a.b[k][?]",
            "c[?]",
            "d.e",
            "f[x]",
            "h",
            "i",
            "j",
            "l",
            "m",
            "n",
            "o",
            "p",
        ];
        assert_eq!(written(&paths), expected);
    }

    /// Scenario: a statement that reads one path into another under a condition about a third.
    /// Guarantees: all three are found; what stands in quotes is no path; a text that is none is refused.
    #[test]
    fn every_path_of_a_statement_is_found() {
        let text =
            r#"set(span.attributes["otelcol.client.addr"], a.b) where c["it's \"d\""] != "e.f""#;
        let paths = WrittenPath::of_statement(text).expect("a statement");
        let expected = [
            "a.b",
            r#"c[it's "d"]"#,
            "span.attributes[otelcol.client.addr]",
        ];
        assert_eq!(written(&paths), expected);
        assert!(WrittenPath::of_statement("a.b == 1").is_err());
        assert!(WrittenPath::of_condition("set(a, 1)").is_err());
    }
}
