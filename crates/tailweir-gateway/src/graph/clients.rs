//! What is known of clients, behind samplers: asked for there, noted before, and found again.

use super::Place;
use super::wiring::{Head, Wiring};
use crate::pipeline::{BySender, Transforming};
use std::sync::Arc;
use tailweir_config::{
    AssociationFrom, AttributeAction, ComponentId, Connector, Extension, KubernetesAttributes,
    Pipeline, Processor, Route, Settings, TransformProcessor,
};
use tailweir_core::{ClientKey, ClientKeys};
use tailweir_ottl::{CompileError, WrittenPath};
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
            Some(Processor::Transform(processor)) => add_transform(processor, asked),
            Some(Processor::Filter(processor)) => {
                for condition in processor.conditions() {
                    add_condition(condition, asked);
                }
            }
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
        let exporter = settings.exporters.get(id);
        for name in exporter.map_or(&[][..], |exporter| exporter.partition_keys()) {
            asked.add(ClientKey::Metadata(name.to_ascii_lowercase()));
        }
        let connector = settings.connectors.get(id);
        if let Some(Connector::Routing(routing)) = connector {
            add_routes(&routing.table, asked);
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

fn add_transform(processor: &TransformProcessor, asked: &mut ClientKeys) {
    for group in processor.groups() {
        for statement in &group.statements {
            add_statement(statement, asked);
        }
        for condition in &group.conditions {
            add_condition(condition, asked);
        }
    }
}

fn add_routes(table: &[Route], asked: &mut ClientKeys) {
    for route in table {
        if route.condition.is_empty() {
            add_statement(&route.statement, asked);
        } else {
            add_condition(&route.condition, asked);
        }
    }
}

fn add_statement(text: &str, asked: &mut ClientKeys) {
    add_paths(WrittenPath::of_statement(text), asked);
}

fn add_condition(text: &str, asked: &mut ClientKeys) {
    add_paths(WrittenPath::of_condition(text), asked);
}

/// What paths read of the client: where a name is not written out, everything. So it is for a text that cannot be
/// read, which the processor refuses itself.
fn add_paths(paths: Result<Vec<WrittenPath>, CompileError>, asked: &mut ClientKeys) {
    let Ok(paths) = paths else {
        asked.add_everything();
        return;
    };
    for path in paths {
        let names: Vec<_> = path.names.iter().map(String::as_str).collect();
        let key = path.keys.first().and_then(Option::as_deref);
        match (names.as_slice(), key) {
            (["otelcol", "client", "addr"], _) => asked.add(ClientKey::Address),
            (["otelcol", "client" | "grpc", "metadata"] | ["request"], Some(name)) => {
                asked.add(ClientKey::Metadata(name.to_ascii_lowercase()));
            }
            (["otelcol", "client", "auth", "attributes"], Some(name)) => {
                asked.add(ClientKey::Auth(name.to_owned()));
            }
            (["otelcol" | "request", ..], _) => asked.add_everything(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{add_condition, add_statement};
    use tailweir_core::{ClientKey, ClientKeys};

    fn asked(add: fn(&str, &mut ClientKeys), text: &str) -> ClientKeys {
        let mut asked = ClientKeys::default();
        add(text, &mut asked);
        asked
    }

    /// Scenario: statements that name what they read of the client, one that reads by a computed name, one
    /// that reads all, and ones that read nothing, though they have the words for it in quotes.
    /// Guarantees: what is named is asked for and nothing else; what is not named is everything.
    #[test]
    fn statements_ask_for_what_they_name() {
        let only = |key: ClientKey| {
            let mut keys = ClientKeys::default();
            keys.add(key);
            keys
        };
        let mut everything = ClientKeys::default();
        everything.add_everything();
        let tenant = only(ClientKey::Metadata("x-tenant".to_owned()));
        for (condition, expected) in [
            (r#"request["X-Tenant"] == "acme""#, tenant.clone()),
            (
                r#"otelcol.client.auth.attributes["Subject"] == "eve""#,
                only(ClientKey::Auth("Subject".to_owned())),
            ),
            ("otelcol.client.addr == \"::1\"", only(ClientKey::Address)),
            ("Len(otelcol.client.metadata) > 1", everything.clone()),
            (
                r#"otelcol.client.metadata[span.name][0] == "a""#,
                everything.clone(),
            ),
            (r#"span.attributes["request"] == 1"#, ClientKeys::default()),
            (
                r#"span.name == "otelcol.client.metadata[a]""#,
                ClientKeys::default(),
            ),
            ("no condition", everything),
        ] {
            assert_eq!(asked(add_condition, condition), expected, "{condition}");
        }
        let set = r#"set(span.attributes["t"], otelcol.grpc.metadata["X-Tenant"][0])"#;
        assert_eq!(asked(add_statement, set), tenant);
    }
}
