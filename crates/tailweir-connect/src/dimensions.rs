//! Attributes that become attributes of data points.

use crate::error::ConnectError;
use tailweir_config::{Dimension, Glob};
use tailweir_otlp::{AnyValue, Attributes, EncodedValue};

/// A list of dimensions, ready for use.
#[derive(Debug, Default)]
pub(crate) struct Dimensions {
    names: Vec<(Box<[u8]>, Option<EncodedValue>)>,
    globs: Vec<Glob>,
}

impl Dimensions {
    /// The dimensions of these settings.
    ///
    /// # Errors
    ///
    /// When a pattern is malformed.
    pub(crate) fn new(settings: &[Dimension]) -> Result<Self, ConnectError> {
        let mut dimensions = Self::default();
        for dimension in settings {
            if dimension.glob.is_empty() {
                dimensions.name(&dimension.name, dimension.default.as_deref());
            } else {
                let glob = Glob::new(&dimension.glob).map_err(|source| ConnectError::Glob {
                    glob: dimension.glob.clone(),
                    source,
                })?;
                dimensions.globs.push(glob);
            }
        }
        Ok(dimensions)
    }

    /// Adds one by its name.
    pub(crate) fn name(&mut self, name: &str, default: Option<&str>) {
        let default = default.map(|text| EncodedValue::string(text.as_bytes()));
        self.names.push((name.as_bytes().into(), default));
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.globs.is_empty()
    }

    /// Shows each dimension that has a value. An attribute of the first list hides those of its name in
    /// the others, and so on. Names come in order of the settings, then those that patterns found: of
    /// the first list, then of the others, each sorted.
    pub(crate) fn each<'a>(
        &'a self,
        sources: &[Attributes<'a>],
        mut show: impl FnMut(&'a [u8], AnyValue<'a>),
    ) {
        for (name, default) in &self.names {
            let found = sources.iter().find_map(|source| source.get(name));
            if let Some(value) = found.or_else(|| default.as_ref().map(EncodedValue::view)) {
                show(name, value);
            }
        }
        if self.globs.is_empty() {
            return;
        }
        let Some((own, outer)) = sources.split_first() else {
            return;
        };
        let own = self.matching([*own]);
        for &(name, value) in &own {
            show(name, value);
        }
        for (name, value) in self.matching(outer.iter().copied()) {
            // Looked for among what patterns found: the lists themselves may be long.
            let is_new = own.binary_search_by_key(&name, |entry| entry.0).is_err();
            if is_new {
                show(name, value);
            }
        }
    }

    /// The attributes whose names a pattern matches, sorted; of each name the first.
    fn matching<'a>(
        &self,
        sources: impl IntoIterator<Item = Attributes<'a>>,
    ) -> Vec<(&'a [u8], AnyValue<'a>)> {
        let mut found: Vec<(&'a [u8], AnyValue<'a>)> = sources
            .into_iter()
            .flat_map(Attributes::iter)
            .filter(|entry| self.globs.iter().any(|glob| glob.matches(entry.key)))
            .map(|entry| (entry.key, entry.value))
            .collect();
        found.sort_by_key(|entry| entry.0);
        found.dedup_by_key(|entry| entry.0);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::Dimensions;
    use proptest::prelude::{prop, proptest};
    use tailweir_config::Glob;
    use tailweir_otlp::{AnyValue, Attributes, RequestView};
    use tailweir_testkit::{attribute, request};

    /// What is shown, where every name is looked for in the whole first list.
    fn model<'a>(glob: &Glob, sources: &[Attributes<'a>]) -> Vec<(&'a [u8], AnyValue<'a>)> {
        let sorted = |mut found: Vec<(&'a [u8], AnyValue<'a>)>| {
            found.sort_by_key(|entry| entry.0);
            found.dedup_by_key(|entry| entry.0);
            found
        };
        let matching = |source: &Attributes<'a>| {
            let all = source.iter().filter(|entry| glob.matches(entry.key));
            all.map(|entry| (entry.key, entry.value))
                .collect::<Vec<_>>()
        };
        let is_new = |entry: &(&'a [u8], AnyValue<'a>)| sources[0].get(entry.0).is_none();
        let outer: Vec<Vec<_>> = sources[1..].iter().map(matching).collect();
        let outer = outer.into_iter().flatten().filter(is_new).collect();
        [sorted(matching(&sources[0])), sorted(outer)].concat()
    }

    proptest! {
        /// Scenario: three lists of attributes with names that occur again, in one list and in several, and a pattern.
        /// Guarantees: what is shown, and its order, is as if each name were looked for in the first list.
        #[test]
        fn the_first_list_hides_what_is_in_others(
            lists in prop::collection::vec(prop::collection::vec(("[ab]{1,3}", 0..9_i64), 0..40), 3)
        ) {
            let of = |entries: &Vec<(String, i64)>| {
                let entries = entries.iter();
                let entries = entries.map(|(name, value)| attribute(name, *value));
                request().resource(entries).bytes()
            };
            let requests: Vec<_> = lists.iter().map(of).collect();
            let sources: Vec<_> = requests
                .iter()
                .filter_map(|request| RequestView(request).resources().next())
                .map(|resource| resource.resource().attributes())
                .collect();
            let glob = Glob::new("a*").expect("a pattern");
            let expected = model(&glob, &sources);
            let dimensions = Dimensions {
                names: Vec::new(),
                globs: vec![glob],
            };
            let mut shown = Vec::new();
            dimensions.each(&sources, |name, value| shown.push((name, value)));
            assert_eq!(shown, expected);
        }
    }
}
