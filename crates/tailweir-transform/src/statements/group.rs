//! Statements that are about one context, and when they run.

use super::editors::OwnEditor;
use tailweir_config::OttlErrorMode;
use tailweir_ottl::Statement;
use tailweir_paths::{Condition, Path, Scene};

/// Statements that are about one context.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) scene: Scene,
    /// One of them must hold, unless there are none.
    pub(super) conditions: Vec<Condition>,
    pub(super) statements: Vec<Statement<Path, OwnEditor>>,
    pub(super) error_mode: OttlErrorMode,
    /// Whether `cache` outlives an item, and is that of all such groups of the same context.
    pub(super) shares_cache: bool,
}
