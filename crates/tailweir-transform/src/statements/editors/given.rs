//! The literals that an editor is given.

use tailweir_otlp::Temporality;
use tailweir_ottl::Value;

/// One for each parameter; nothing where it is left out or computed.
pub(super) struct Given<'l>(pub(super) &'l [Option<&'l Value<'static>>]);

impl Given<'_> {
    pub(super) fn value(&self, position: usize) -> Option<&Value<'static>> {
        self.0.get(position).copied().flatten()
    }

    pub(super) fn text(&self, position: usize) -> Option<String> {
        text(self.value(position)?)
    }

    pub(super) fn text_or(&self, position: usize, default: &str) -> String {
        self.text(position).unwrap_or_else(|| default.to_owned())
    }

    pub(super) fn flag(&self, position: usize) -> bool {
        matches!(self.value(position), Some(Value::Bool(true)))
    }

    pub(super) fn number(&self, position: usize) -> Option<f64> {
        match self.value(position)? {
            Value::Double(number) => Some(*number),
            Value::Int(number) => Some(*number as f64),
            _ => None,
        }
    }

    pub(super) fn texts(&self, position: usize) -> Option<Vec<String>> {
        match self.value(position)? {
            Value::List(list) => list.items().iter().map(text).collect(),
            _ => None,
        }
    }

    pub(super) fn numbers(&self, position: usize) -> Vec<f64> {
        let Some(Value::List(list)) = self.value(position) else {
            return Vec::new();
        };
        let numbers = list.items().iter().filter_map(|item| match item {
            Value::Double(number) => Some(*number),
            _ => None,
        });
        numbers.collect()
    }

    pub(super) fn temporality(&self, position: usize) -> Result<Temporality, (usize, String)> {
        match self.text_or(position, "").as_str() {
            "delta" => Ok(Temporality::Delta),
            "cumulative" => Ok(Temporality::Cumulative),
            other => {
                let reason =
                    format!("there is no temporality `{other}`; write delta or cumulative");
                Err((position, reason))
            }
        }
    }
}

/// Text of the configuration, which is UTF-8.
fn text(value: &Value<'_>) -> Option<String> {
    match value {
        Value::String(text) => String::from_utf8(text.to_vec()).ok(),
        _ => None,
    }
}
