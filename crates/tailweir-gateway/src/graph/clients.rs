//! What is known of clients, behind samplers: asked for there, noted before, and found again.

use super::Place;
use super::wiring::{Head, Wiring};
use crate::pipeline::{BySender, Transforming};
use std::sync::Arc;
use tailweir_config::{
    AssociationFrom, AttributeAction, ComponentId, Connector, Extension, KubernetesAttributes,
    Pipeline, Processor, Settings,
};
use tailweir_core::{ClientKey, ClientKeys};
use tailweir_transform::Noted;

impl Wiring<'_> {
    /// What stands behind a sampler, with what is asked of clients there. Where nothing is, and never was,
    /// nothing is between.
    pub(super) fn divided(
        &mut self,
        pipeline: &Pipeline,
        sampler: &ComponentId,
        next: Head,
    ) -> (Head, Option<ClientKeys>) {
        let asked = asked_behind(&self.plan.settings, pipeline, sampler);
        let place = (pipeline.id.clone(), sampler.clone());
        if asked.is_empty() && !self.graph.noted.contains(&place) {
            return (next, None);
        }
        // From here on for good: the sampler may hold what was noted under other settings.
        self.graph.noted.insert(place);
        let head = Head {
            stage: Arc::new(BySender::new(next.stage)),
            is_sampler: next.is_sampler,
        };
        (head, Some(asked))
    }

    /// The sampler, with who sent what noted in front of it.
    pub(super) fn noted(&mut self, place: Place, sampler: Head, asked: Option<ClientKeys>) -> Head {
        let Some(asked) = asked else {
            return sampler;
        };
        // It counts under a name of its own: what it hands on is not sampled yet.
        let name = place.1.to_string().replace('/', "_");
        let Ok(id) = ComponentId::parse(&format!("client_context/{name}")) else {
            return sampler;
        };
        let place = (place.0, id);
        self.places.insert(place.clone());
        let figures = self.graph.transforms.entry(place).or_default();
        let noted = Arc::new(Noted::new(asked));
        Head {
            stage: Arc::new(Transforming::new(noted, Arc::clone(figures), sampler.stage)),
            is_sampler: true,
        }
    }
}

/// What is asked of clients behind a processor: by those after it, by exporters, and in the pipelines
/// behind connectors that pass telemetry on as it is.
fn asked_behind(settings: &Settings, pipeline: &Pipeline, processor: &ComponentId) -> ClientKeys {
    let mut after = pipeline.processors.iter();
    after.find(|id| *id == processor);
    let mut asked = ClientKeys::default();
    add_processors(settings, after, &mut asked);
    add_ends(settings, pipeline, &mut asked);
    asked
}

fn add_processors<'s>(
    settings: &Settings,
    processors: impl Iterator<Item = &'s ComponentId>,
    asked: &mut ClientKeys,
) {
    for id in processors {
        match settings.processors.get(id) {
            Some(Processor::Attributes(processor)) => add_actions(&processor.actions, asked),
            Some(Processor::Resource(processor)) => add_actions(&processor.attributes, asked),
            Some(Processor::Batch(batch)) => {
                for key in &batch.metadata_keys {
                    asked.add(ClientKey::Metadata(key.to_ascii_lowercase()));
                }
            }
            Some(Processor::KubernetesAttributes(processor)) if asks_address(processor) => {
                asked.add(ClientKey::Address);
            }
            Some(Processor::Transform(processor)) => {
                add_statements(&format!("{processor:?}"), asked);
            }
            Some(Processor::Filter(processor)) => add_statements(&format!("{processor:?}"), asked),
            _ => {}
        }
    }
}

/// Whether pods are found by who sent something.
fn asks_address(processor: &KubernetesAttributes) -> bool {
    let associations = &processor.pod_association;
    let mut sources = associations.iter().flat_map(|it| &it.sources);
    associations.is_empty() || sources.any(|source| source.from == AssociationFrom::Connection)
}

fn add_actions(actions: &[AttributeAction], asked: &mut ClientKeys) {
    let keys = actions.iter().map(|action| &action.from_context);
    for key in keys.filter(|key| !key.is_empty()) {
        asked.add(ClientKey::new(key));
    }
}

fn add_ends(settings: &Settings, pipeline: &Pipeline, asked: &mut ClientKeys) {
    for id in &pipeline.exporters {
        if let Some(exporter) = settings.exporters.get(id)
            && let Some((_, auth)) = exporter.authenticator()
            && let Some(name) = &auth.authenticator
            && let Some(Extension::HeadersSetter(setter)) = settings.extensions.get(name)
        {
            asked.extend(&setter.client_keys());
        }
        let connector = settings.connectors.get(id);
        if let Some(Connector::Routing(routing)) = connector {
            add_statements(&format!("{routing:?}"), asked);
        }
        if let Some(Connector::Forward | Connector::Routing(_)) = connector {
            for fed in &settings.pipelines {
                if fed.id.signal == pipeline.id.signal && fed.receivers.contains(id) {
                    add_processors(settings, fed.processors.iter(), asked);
                    add_ends(settings, fed, asked);
                }
            }
        }
    }
}

/// What statements and conditions ask for, found in a text that has them all: where a name is not written
/// out, everything.
fn add_statements(text: &str, asked: &mut ClientKeys) {
    let text = text.replace("\\\"", "\"");
    type Naming = fn(&str) -> ClientKey;
    let named: [(&str, Naming); 4] = [
        ("otelcol.client.metadata[", metadata),
        ("otelcol.grpc.metadata[", metadata),
        ("request[", metadata),
        ("otelcol.client.auth.attributes[", |name| {
            ClientKey::Auth(name.to_owned())
        }),
    ];
    for (prefix, key) in named {
        for rest in behind(&text, prefix) {
            match literal(rest) {
                Some(name) => asked.add(key(name)),
                None => asked.add_everything(),
            }
        }
    }
    for rest in behind(&text, "otelcol.") {
        if rest.starts_with("client.addr") {
            asked.add(ClientKey::Address);
        } else if ![
            "client.metadata[",
            "grpc.metadata[",
            "client.auth.attributes[",
        ]
        .iter()
        .any(|known| rest.starts_with(known))
        {
            asked.add_everything();
        }
    }
}

fn metadata(name: &str) -> ClientKey {
    ClientKey::Metadata(name.to_ascii_lowercase())
}

/// What follows each occurrence.
fn behind<'t>(text: &'t str, prefix: &str) -> impl Iterator<Item = &'t str> {
    let length = prefix.len();
    let places = text.match_indices(prefix);
    places.map(move |(at, _)| &text[at + length..])
}

/// The content of the quotes with which a text begins.
fn literal(text: &str) -> Option<&str> {
    let inner = text.trim_start().strip_prefix('"')?;
    let (name, _) = inner.split_once('"')?;
    (!name.contains('\\')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::add_statements;
    use tailweir_core::{ClientKey, ClientKeys};

    /// Scenario: statements that name what they read of the client, one that reads by a computed name, one
    /// that reads all, and one that reads nothing.
    /// Guarantees: what is named is asked for and nothing else; what is not named is everything.
    #[test]
    fn statements_ask_for_what_they_name() {
        let asked = |statement: &str| {
            let mut asked = ClientKeys::default();
            add_statements(&format!("{statement:?}"), &mut asked);
            asked
        };
        let only = |key: ClientKey| {
            let mut keys = ClientKeys::default();
            keys.add(key);
            keys
        };
        let mut everything = ClientKeys::default();
        everything.add_everything();
        for (statement, expected) in [
            (
                r#"set(span.attributes["t"], otelcol.client.metadata["X-Tenant"][0])"#,
                only(ClientKey::Metadata("x-tenant".to_owned())),
            ),
            (
                r#"request["X-Tenant"] == "acme""#,
                only(ClientKey::Metadata("x-tenant".to_owned())),
            ),
            (
                r#"otelcol.client.auth.attributes["Subject"] == "eve""#,
                only(ClientKey::Auth("Subject".to_owned())),
            ),
            ("otelcol.client.addr == \"::1\"", only(ClientKey::Address)),
            ("Len(otelcol.client.metadata) > 1", everything.clone()),
            (r#"span.attributes["request"] == 1"#, ClientKeys::default()),
        ] {
            assert_eq!(asked(statement), expected, "{statement}");
        }
        let computed = asked(r#"otelcol.client.metadata[span.name][0] == "a""#);
        assert_eq!(computed, everything);
    }
}
