//! A metric that counts, ready for use.

use crate::error::ConnectError;
use std::collections::BTreeMap;
use tailweir_config::{CountedMetric, Literal};
use tailweir_otlp::{AttributeSet, Attributes, EncodedValue};
use tailweir_ottl::{EvaluationError, Options, Subject};
use tailweir_paths::{Condition, FilterScene, Path, Scene};
use tailweir_transform::encode_literal;

/// See the module.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: Vec<u8>,
    pub(super) description: Vec<u8>,
    conditions: Vec<Condition>,
    attributes: Vec<(Vec<u8>, Option<EncodedValue>)>,
}

/// The metrics of a section.
pub(super) fn compile(
    section: &str,
    metrics: &BTreeMap<String, CountedMetric>,
    scene: Scene,
    options: &Options,
) -> Result<Vec<Definition>, ConnectError> {
    let compiled = metrics.iter().map(|(name, metric)| {
        let conditions = metric.conditions.iter().enumerate().map(|(index, text)| {
            let compiled = Condition::compile(text, &FilterScene(scene), options);
            compiled.map_err(|source| ConnectError::Condition {
                option: format!("{section}::{name}::conditions::{index}"),
                source,
            })
        });
        let attributes = metric.attributes.iter().map(|attribute| {
            let default = match &attribute.default_value {
                Literal::Null => None,
                literal => Some(encode_literal(literal)),
            };
            (attribute.key.clone().into_bytes(), default)
        });
        Ok(Definition {
            name: name.clone().into_bytes(),
            description: metric.description.clone().into_bytes(),
            conditions: conditions.collect::<Result<_, _>>()?,
            attributes: attributes.collect(),
        })
    });
    compiled.collect()
}

impl Definition {
    /// The attributes by which an item is counted; nothing when one is missing.
    pub(super) fn attributes(&self, sources: &[Attributes<'_>]) -> Option<AttributeSet> {
        let mut attributes = AttributeSet::default();
        for (key, default) in &self.attributes {
            let found = sources.iter().find_map(|source| source.get(key));
            match (found, default) {
                (Some(value), _) => attributes.put(key, &value.encoded()),
                (None, Some(default)) => attributes.put(key, default),
                (None, None) => return None,
            }
        }
        // A key that is listed twice is one attribute, so nothing ever has as many as are listed.
        (attributes.view().count() == self.attributes.len()).then_some(attributes)
    }

    /// Whether the item counts.
    pub(super) fn holds(&self, subject: &impl Subject<Path>) -> Result<bool, EvaluationError> {
        for condition in &self.conditions {
            if condition.evaluate(subject)? {
                return Ok(true);
            }
        }
        Ok(self.conditions.is_empty())
    }
}
