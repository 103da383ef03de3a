//! A condition of a Refinery rule as a policy.

use super::items;
use serde_json::{Value, json};

/// One question about a trace: a policy, or its opposite.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Question {
    policy: Value,
    negated: bool,
}

/// A condition that was read, and what about it only comes close.
pub(super) struct Read {
    pub(super) question: Question,
    pub(super) remark: Option<&'static str>,
}

impl Question {
    /// Whether some span fulfils this OTTL condition.
    pub(super) fn about_spans(condition: &str) -> Self {
        // In Refinery's files `$` is no substitution.
        let condition = condition.replace('$', "$$");
        Self {
            policy: json!({ "type": "ottl_condition", "ottl_condition": { "error_mode": "ignore", "span": [condition] } }),
            negated: false,
        }
    }

    /// The opposite.
    pub(super) fn not(&self) -> Self {
        Self {
            policy: self.policy.clone(),
            negated: !self.negated,
        }
    }

    /// As a sub-policy of this name.
    pub(super) fn policy(&self, name: &str) -> Value {
        let mut policy = self.policy.clone();
        if self.negated {
            policy["name"] = json!(format!("{name} inner"));
            return json!({ "name": name, "type": "not", "not": { "not_sub_policy": policy } });
        }
        policy["name"] = json!(name);
        policy
    }
}

/// Reads a condition that each span is asked by itself.
///
/// # Errors
/// Why it cannot be asked here.
pub(super) fn question(condition: &Value) -> Result<Read, String> {
    let operator = text(&condition["Operator"]).to_lowercase();
    if operator == "has-root-span" {
        let root = Question::about_spans("IsRootSpan()");
        let wants_root = condition["Value"] != false;
        let question = if wants_root { root } else { root.not() };
        return Ok(Read {
            question,
            remark: None,
        });
    }
    if let Some(counted) = spans_counted(condition, &operator) {
        return counted.map(|question| Read {
            question,
            remark: None,
        });
    }
    let text = on_span(condition)?;
    let converts = condition.get("Datatype").is_some();
    Ok(Read {
        question: Question::about_spans(&text),
        remark: converts
            .then_some("values of another type are not converted before they are compared"),
    })
}

/// The number of spans, which is a policy of its own.
fn spans_counted(condition: &Value, operator: &str) -> Option<Result<Question, String>> {
    let fields = fields(condition);
    let [field] = fields.as_slice() else {
        return None;
    };
    if !["meta.span_count", "?.NUM_DESCENDANTS"].contains(field) {
        return None;
    }
    let number = condition["Value"].as_i64();
    let least = match (operator, number) {
        (">", Some(number)) => number + 1,
        (">=", Some(number)) => number,
        _ => return Some(Err(format!("{field} can only be above a number"))),
    };
    let policy = json!({ "type": "span_count", "span_count": { "min_spans": least } });
    Some(Ok(Question {
        policy,
        negated: false,
    }))
}

/// The OTTL of a condition on one span.
///
/// # Errors
/// Why there is none.
pub(super) fn on_span(condition: &Value) -> Result<String, String> {
    let operator = text(&condition["Operator"]).to_lowercase();
    let fields = fields(condition);
    if fields.is_empty() {
        return Err(format!("the operator {operator} has no field"));
    }
    if let Some(about_root) = parent(&fields, &operator, &condition["Value"]) {
        return Ok(about_root.to_owned());
    }
    let is_of_root = fields.iter().all(|field| field.starts_with("root."));
    if !is_of_root && fields.iter().any(|field| field.starts_with("root.")) {
        return Err("fields of the root and of each span are mixed".into());
    }
    let paths: Vec<_> = fields
        .iter()
        .flat_map(|field| paths(field.strip_prefix("root.").unwrap_or(field)))
        .collect();
    let asked = match operator.as_str() {
        "exists" => any(&paths, |path| format!("{path} != nil")),
        "not-exists" => all(&paths, |path| format!("{path} == nil")),
        _ => first_that_exists(&paths, |path| {
            comparison(path, &operator, &condition["Value"])
        })?,
    };
    Ok(if is_of_root {
        format!("IsRootSpan() and ({asked})")
    } else {
        asked
    })
}

/// What the id of the parent says: whether a span is the root.
fn parent(fields: &[&str], operator: &str, value: &Value) -> Option<&'static str> {
    if !matches!(
        fields,
        ["trace.parent_id" | "parent_id" | "root.trace.parent_id"]
    ) {
        return None;
    }
    match operator {
        "not-exists" => Some("IsRootSpan()"),
        "exists" => Some("not IsRootSpan()"),
        "=" if value == "root" => Some("IsRootSpan()"),
        "!=" if value == "root" => Some("not IsRootSpan()"),
        _ => None,
    }
}

/// Where a field of Refinery stands in OTLP: one of the span's own, or an attribute of span or resource.
fn paths(field: &str) -> Vec<String> {
    let own = match field {
        "name" => "span.name",
        "duration_ms" => "Milliseconds(span.end_time - span.start_time)",
        "status_code" => "span.status.code",
        "status_message" => "span.status.message",
        "span.kind" | "type" => "span.kind.string",
        "trace.trace_id" => "span.trace_id.string",
        "trace.span_id" => "span.span_id.string",
        "library.name" => "instrumentation_scope.name",
        _ => {
            let key = Value::from(field);
            return vec![
                format!("span.attributes[{key}]"),
                format!("resource.attributes[{key}]"),
            ];
        }
    };
    vec![own.to_owned()]
}

/// How one value is compared.
fn comparison(path: &str, operator: &str, value: &Value) -> Result<String, String> {
    let plain = |sign: &str| Ok(format!("{path} {sign} {}", literal(value)?));
    let pattern = |expression: &str| format!("IsMatch({path}, {})", Value::from(expression));
    match operator {
        "=" => plain("=="),
        "!=" | "<" | "<=" | ">" | ">=" => plain(operator),
        "starts-with" => Ok(pattern(&format!("^{}", escaped(text(value))))),
        "contains" => Ok(pattern(&escaped(text(value)))),
        "does-not-contain" => Ok(format!("not {}", pattern(&escaped(text(value))))),
        "matches" => Ok(pattern(text(value))),
        "in" | "not-in" => {
            let equal = items(value)
                .iter()
                .map(|item| Ok(format!("{path} == {}", literal(item)?)));
            let equal = equal.collect::<Result<Vec<_>, String>>()?.join(" or ");
            if equal.is_empty() {
                return Err(format!("{operator} has no list of values"));
            }
            Ok(if operator == "in" {
                format!("({equal})")
            } else {
                format!("not ({equal})")
            })
        }
        _ => Err(format!("the operator {operator:?} is not known")),
    }
}

/// Asks the first of these that the span has.
fn first_that_exists(
    paths: &[String],
    ask: impl Fn(&str) -> Result<String, String>,
) -> Result<String, String> {
    if let [path] = paths {
        return ask(path);
    }
    let mut choices = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        let mut parts: Vec<_> = paths[..index]
            .iter()
            .map(|earlier| format!("{earlier} == nil"))
            .collect();
        parts.push(format!("{path} != nil"));
        parts.push(ask(path)?);
        choices.push(format!("({})", parts.join(" and ")));
    }
    Ok(choices.join(" or "))
}

fn any(paths: &[String], ask: impl Fn(&String) -> String) -> String {
    paths.iter().map(ask).collect::<Vec<_>>().join(" or ")
}

fn all(paths: &[String], ask: impl Fn(&String) -> String) -> String {
    paths.iter().map(ask).collect::<Vec<_>>().join(" and ")
}

/// A value as OTTL writes it.
fn literal(value: &Value) -> Result<String, String> {
    match value {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        _ => Err(format!("{value} is no text, number or truth value")),
    }
}

/// A text as a regular expression that matches it and nothing else.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if letter.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

fn fields(condition: &Value) -> Vec<&str> {
    match condition["Field"].as_str() {
        Some(field) => vec![field],
        None => items(&condition["Fields"])
            .iter()
            .filter_map(Value::as_str)
            .collect(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{on_span, question};
    use serde_json::{Value, json};

    fn check(condition: &Value, expected: &str) {
        assert_eq!(on_span(condition).unwrap(), expected);
    }

    /// Scenario: conditions on the span's own fields, on attributes, on the root and on its absence.
    /// Guarantees: each asks for the same thing in OTTL.
    #[test]
    fn conditions_become_ottl() {
        check(
            &json!({"Field": "name", "Operator": "starts-with", "Value": "GET /"}),
            r#"IsMatch(span.name, "^GET \\/")"#,
        );
        check(
            &json!({"Field": "duration_ms", "Operator": ">=", "Value": 1000}),
            "Milliseconds(span.end_time - span.start_time) >= 1000",
        );
        check(
            &json!({"Field": "root.a", "Operator": "exists"}),
            r#"IsRootSpan() and (span.attributes["a"] != nil or resource.attributes["a"] != nil)"#,
        );
        check(
            &json!({"Field": "trace.parent_id", "Operator": "not-exists"}),
            "IsRootSpan()",
        );
        check(
            &json!({"Field": "a", "Operator": "!=", "Value": "x"}),
            r#"(span.attributes["a"] != nil and span.attributes["a"] != "x") or (span.attributes["a"] == nil and resource.attributes["a"] != nil and resource.attributes["a"] != "x")"#,
        );
    }

    /// Scenario: a count of spans above and below a number, and an operator that nobody knows.
    /// Guarantees: the first is a policy of its own; the others say what is wrong.
    #[test]
    fn what_cannot_be_asked_is_said() {
        let count = |operator| {
            question(&json!({"Field": "meta.span_count", "Operator": operator, "Value": 300}))
        };
        let policy = count(">").unwrap().question.policy("many");
        assert_eq!(
            policy,
            json!({"name": "many", "type": "span_count", "span_count": {"min_spans": 301}})
        );
        assert!(count("<").is_err());
        let unknown = question(&json!({"Field": "a", "Operator": "resembles", "Value": 1}));
        assert!(unknown.err().is_some_and(|why| why.contains("resembles")));
    }
}
