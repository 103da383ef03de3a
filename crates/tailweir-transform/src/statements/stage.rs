//! What statements work on: a draft, and the metrics that they add.

use super::editors::OwnEditor;
use tailweir_ottl::{EvaluationError, Key, Subject, Target, Value};
use tailweir_paths::{Change, Draft, Path};

/// How much room an added metric takes beside its bytes, so that many tiny ones end too.
const ADDED_METRIC: usize = 256;

/// A draft, and the metrics that statements added to its scope.
#[derive(Debug)]
pub(super) struct Stage<'r> {
    pub(super) draft: Draft<'r>,
    pub(super) added: Vec<Vec<u8>>,
}

impl Stage<'_> {
    /// Adds a metric behind all others of the scope.
    pub(super) fn add(&mut self, metric: Vec<u8>) -> Result<(), EvaluationError> {
        self.draft.take_room(metric.len() + ADDED_METRIC)?;
        self.added.push(metric);
        Ok(())
    }
}

impl Subject<Path> for Stage<'_> {
    fn value<'a>(&'a self, path: &'a Path, keys: &[Key<'a>]) -> Result<Value<'a>, EvaluationError> {
        self.draft.value(path, keys)
    }
}

impl Target<Path, OwnEditor> for Stage<'_> {
    type Change = Change;

    fn change(
        &self,
        path: &Path,
        keys: &[Key<'_>],
        value: Value<'_>,
    ) -> Result<Option<Change>, EvaluationError> {
        self.draft.change(path, keys, value)
    }

    fn removal(&self, path: &Path, keys: &[Key<'_>], name: &[u8]) -> Option<Option<Change>> {
        self.draft.removal(path, keys, name)
    }

    fn apply(&mut self, change: Change) -> Result<(), EvaluationError> {
        self.draft.apply(change)
    }

    fn run(
        &mut self,
        editor: &OwnEditor,
        arguments: Vec<Value<'static>>,
    ) -> Result<(), EvaluationError> {
        editor.run(self, arguments)
    }
}
