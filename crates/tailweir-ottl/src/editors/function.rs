//! A converter that an editor calls with a text of its own, such as `SHA256` in
//! `replace_pattern(name, "[0-9]+", "$0", SHA256)`.

use crate::coerce::coerce;
use crate::converters::{self, Body, Failure, Literals, Outcome};
use crate::expression::Prepared;
use crate::{Text, Value};

/// A converter of text, by name.
pub(crate) struct Function {
    converter: &'static converters::Converter,
    body: FunctionBody,
}

enum FunctionBody {
    Plain(for<'a> fn(converters::Arguments<'a>) -> Outcome<'a>),
    Prepared(Prepared),
}

impl Function {
    /// The converter of this name.
    ///
    /// # Errors
    /// Why it cannot be called with one text, or that there is none.
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let Some(converter) = converters::find(name) else {
            return Err(format!("unknown converter `{name}`"));
        };
        let takes_one = match converter.parameters {
            [_, rest @ ..] => rest.iter().all(|parameter| parameter.optional),
            [] => false,
        };
        let body = match converter.body {
            Body::Plain(function) => FunctionBody::Plain(function),
            Body::Prepared(prepare) => {
                let none: Vec<Option<&Value<'_>>> = vec![None; converter.parameters.len()];
                FunctionBody::Prepared(prepare(&Literals(&none)).map_err(|refusal| refusal.reason)?)
            }
            Body::Coalesce | Body::Lambda(_) | Body::Outside(_) => {
                return Err(format!("`{name}` does not take one text"));
            }
        };
        if takes_one {
            Ok(Self { converter, body })
        } else {
            Err(format!("`{name}` does not take one text"))
        }
    }

    /// What it makes of a text, which must be text again.
    pub(crate) fn apply(&self, text: Text<'_>) -> Result<Text<'static>, Failure> {
        let parameters = self.converter.parameters;
        let first = coerce(Value::String(text), parameters[0].kind)?;
        let nothing = parameters[1..].iter().map(|_| Value::Nil);
        let arguments = std::iter::once(first).chain(nothing).collect();
        let made = match &self.body {
            FunctionBody::Plain(function) => function(arguments)?,
            FunctionBody::Prepared(function) => function(arguments)?,
        };
        match made {
            Value::String(text) => Ok(text.into_owned().into()),
            other => Err(format!(
                "`{}` gives a {}, where text is needed",
                self.converter.name,
                other.kind()
            )
            .into()),
        }
    }
}
