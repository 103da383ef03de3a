//! The names that statements may use: those of conditions, and the editors of the scene.

use super::editors::{self, OwnEditor};
use std::sync::Arc;
use tailweir_ottl::{
    Context, PathError, PathExpression, Signature, StatementContext, Surroundings, Value,
};
use tailweir_paths::{Path, Scene};

/// What statements are about.
pub(super) struct StatementScene {
    pub(super) scene: Scene,
    /// Gives randomness to the editors that need it.
    pub(super) surroundings: Arc<dyn Surroundings>,
}

impl Context for StatementScene {
    type Path = Path;

    fn resolve(&self, path: &PathExpression<'_>) -> Result<Path, PathError> {
        self.scene.resolve(path)
    }

    fn symbol(&self, name: &str) -> Option<i64> {
        self.scene.symbol(name)
    }

    fn symbols(&self) -> Vec<&'static str> {
        self.scene.symbols()
    }

    fn converter(&self, name: &str) -> Option<Path> {
        self.scene.converter(name)
    }

    fn converters(&self) -> &[&'static str] {
        self.scene.converters()
    }
}

impl StatementContext for StatementScene {
    type Editor = OwnEditor;

    fn editors(&self) -> &'static [Signature] {
        editors::of(self.scene)
    }

    fn editor(
        &self,
        name: &str,
        literals: &[Option<&Value<'static>>],
    ) -> Result<OwnEditor, (usize, String)> {
        OwnEditor::new(name, literals, &self.surroundings)
    }
}
