//! What conditions may ask about the client: paths of the context `otelcol`.

use std::borrow::Cow;
use tailweir_ottl::{Context, EvaluationError, Key, PathError, PathExpression, Subject, Value};
use tailweir_transform::{AuthAttribute, ClientContext};

/// The context of a condition that is about the client that sent a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClientScene;

/// Something about the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientPath {
    /// Its address, without the port.
    Address,
    /// Headers, or gRPC metadata.
    Metadata,
    /// What the authenticator found out.
    Auth,
}

const PATHS: [(&[&str], ClientPath); 4] = [
    (&["client", "addr"], ClientPath::Address),
    (&["client", "metadata"], ClientPath::Metadata),
    (&["client", "auth", "attributes"], ClientPath::Auth),
    (&["grpc", "metadata"], ClientPath::Metadata),
];

impl Context for ClientScene {
    type Path = ClientPath;

    fn resolve(&self, path: &PathExpression<'_>) -> Result<ClientPath, PathError> {
        let names = match path.segments.as_slice() {
            ["otelcol", rest @ ..] => rest,
            _ => return Err(PathError::unknown(0, ["otelcol"])),
        };
        let Some((_, found)) = PATHS.iter().find(|(known, _)| *known == names) else {
            let right =
                |known: &[&str]| known.iter().zip(names).take_while(|(a, b)| a == b).count();
            let at = PATHS.iter().map(|(known, _)| right(known)).max();
            let at = at.unwrap_or_default();
            let next = PATHS.iter().filter(|(known, _)| right(known) == at);
            let mut valid: Vec<_> = next
                .filter_map(|(known, _)| known.get(at).copied())
                .collect();
            valid.dedup();
            return Err(PathError::unknown(at + 1, valid));
        };
        if *found == ClientPath::Address && path.keys > 0 {
            return Err(PathError::not_indexable(names.len()));
        }
        Ok(*found)
    }

    fn symbol(&self, _name: &str) -> Option<i64> {
        None
    }

    fn symbols(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn converter(&self, _name: &str) -> Option<ClientPath> {
        None
    }

    fn converters(&self) -> &[&'static str] {
        &[]
    }
}

/// The client that sent a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClientSubject<'c>(pub(super) &'c ClientContext);

impl Subject<ClientPath> for ClientSubject<'_> {
    fn value<'a>(
        &'a self,
        path: &'a ClientPath,
        keys: &[Key<'a>],
    ) -> Result<Value<'a>, EvaluationError> {
        let client = self.0;
        match path {
            ClientPath::Address => Ok(match client.address {
                Some(address) => Value::text(address.to_string()),
                None => Value::Nil,
            }),
            ClientPath::Metadata => {
                let all = client.metadata.iter();
                let all = all.map(|(name, values)| (name.as_str(), texts(values)));
                follow(all, keys, |name, key| {
                    name.as_bytes().eq_ignore_ascii_case(key)
                })
            }
            ClientPath::Auth => {
                let all = client.auth.iter();
                let all = all.map(|(name, value)| (name.as_str(), attribute(value)));
                follow(all, keys, |name, key| name.as_bytes() == key)
            }
        }
    }
}

/// A map, or what keys lead to in it: a name, then perhaps a place in a list.
fn follow<'a>(
    entries: impl Iterator<Item = (&'a str, Value<'a>)>,
    keys: &[Key<'_>],
    is_same: impl Fn(&str, &[u8]) -> bool,
) -> Result<Value<'a>, EvaluationError> {
    let Some((first, rest)) = keys.split_first() else {
        let entries = entries.map(|(name, value)| (Cow::Borrowed(name.as_bytes()), value));
        return Ok(Value::map(entries.collect()));
    };
    let wanted = first.name()?;
    let mut entries = entries;
    let Some((_, value)) = entries.find(|(name, _)| is_same(name, wanted)) else {
        return Ok(Value::Nil);
    };
    match (rest, value) {
        ([], value) => Ok(value),
        ([index], Value::List(list)) => {
            let place = index.index(list.items().len())?;
            Ok(list.into_items().swap_remove(place))
        }
        (_, value) => Err(EvaluationError::Type {
            expected: "a list to index",
            found: value.kind(),
        }),
    }
}

fn texts(values: &[String]) -> Value<'_> {
    Value::list(
        values
            .iter()
            .map(|value| Value::text(value.as_str()))
            .collect(),
    )
}

fn attribute(value: &AuthAttribute) -> Value<'_> {
    match value {
        AuthAttribute::Text(text) => Value::text(text.as_str()),
        AuthAttribute::Texts(values) => texts(values),
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientScene, ClientSubject};
    use tailweir_ottl::{Condition, Options};
    use tailweir_transform::{AuthAttribute, ClientContext};

    /// Scenario: conditions about headers, the address and what the authenticator found.
    /// Guarantees: each has the value that the client has, and absent ones are nil.
    #[test]
    fn conditions_see_the_client() {
        let client = ClientContext {
            address: Some([10, 0, 0, 1].into()),
            metadata: vec![("x-tenant".to_owned(), vec!["a".to_owned(), "b".to_owned()])],
            auth: vec![("subject".to_owned(), AuthAttribute::Text("bob".to_owned()))],
        };
        for (text, holds) in [
            (r#"otelcol.client.metadata["X-Tenant"][1] == "b""#, true),
            (r#"otelcol.grpc.metadata["x-tenant"][0] == "a""#, true),
            (r#"otelcol.client.metadata["x-other"] == nil"#, true),
            (r#"otelcol.client.addr == "10.0.0.1""#, true),
            (
                r#"otelcol.client.auth.attributes["subject"] == "eve""#,
                false,
            ),
        ] {
            let condition = Condition::compile(text, &ClientScene, &Options::default());
            let condition = condition.expect("a condition");
            assert_eq!(
                condition.evaluate(&ClientSubject(&client)),
                Ok(holds),
                "{text}"
            );
        }
        for wrong in [
            "otelcol.client.name == 1",
            "otelcol.client.addr[0] == 1",
            "name == 1",
        ] {
            assert!(Condition::compile(wrong, &ClientScene, &Options::default()).is_err());
        }
    }
}
