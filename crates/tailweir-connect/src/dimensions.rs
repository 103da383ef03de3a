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
        self.matching([*own].into_iter(), |_| true, &mut show);
        let is_new = |name: &[u8]| own.get(name).is_none();
        self.matching(outer.iter().copied(), is_new, &mut show);
    }

    fn matching<'a>(
        &self,
        sources: impl Iterator<Item = Attributes<'a>>,
        is_new: impl Fn(&[u8]) -> bool,
        show: &mut impl FnMut(&'a [u8], AnyValue<'a>),
    ) {
        let mut found: Vec<(&'a [u8], AnyValue<'a>)> = sources
            .flat_map(Attributes::iter)
            .filter(|entry| self.globs.iter().any(|glob| glob.matches(entry.key)))
            .filter(|entry| is_new(entry.key))
            .map(|entry| (entry.key, entry.value))
            .collect();
        found.sort_by_key(|entry| entry.0);
        found.dedup_by_key(|entry| entry.0);
        for (name, value) in found {
            show(name, value);
        }
    }
}
