//! The standard editors: a table of names, parameters and functions, as for converters.
//!
//! An editor gets what its target holds and its arguments, and answers with what the target shall hold, or
//! with nothing when it is to stay as it is. It knows nothing of telemetry: whoever executes the statement
//! reads and writes the target.

mod entries;
mod flatten;
mod function;
mod glob;
mod lists;
mod maps;
mod patterns;
mod truncate;

pub(crate) use entries::Entries;
pub(crate) use function::Function;

use crate::Value;
use crate::coerce::Kind;
use crate::converters::{Arguments, Failure, Literals, Parameter, Refusal};

/// An editor of the table.
pub(crate) struct Editor {
    pub(crate) name: &'static str,
    /// The first is the target.
    pub(crate) parameters: &'static [Parameter],
    pub(crate) target: TargetKind,
    /// Makes the editor ready from what is known when the statement is compiled.
    pub(crate) prepare: fn(&mut Given<'_>) -> Result<Edit, Refusal>,
}

/// What a target must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TargetKind {
    Any,
    Map,
    List,
}

/// What the target shall hold; nothing to leave it alone.
pub(crate) type Edited<'a> = Result<Option<Value<'a>>, Failure>;

/// An editor that was made ready.
pub(crate) type Edit = Box<dyn for<'a> Fn(Value<'a>, Arguments<'a>) -> Edited<'a> + Send + Sync>;

/// What is known of a call when it is compiled.
pub(crate) struct Given<'l> {
    pub(crate) literals: Literals<'l>,
    /// Whether each argument is there.
    pub(crate) is_there: Vec<bool>,
    /// The converter that an argument names.
    pub(crate) function: Option<Function>,
}

const fn required(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        kind,
        optional: false,
        by_name: true,
    }
}

const fn optional(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        kind,
        optional: true,
        by_name: true,
    }
}

const TARGET: Parameter = required("target", Kind::Target);

const fn editor(
    name: &'static str,
    parameters: &'static [Parameter],
    target: TargetKind,
    prepare: fn(&mut Given<'_>) -> Result<Edit, Refusal>,
) -> Editor {
    Editor {
        name,
        parameters,
        target,
        prepare,
    }
}

/// The editor of this name. [`SET`] and [`DELETE_KEY`] are not among them: they need not read their target.
pub(crate) fn find(name: &str) -> Option<&'static Editor> {
    tables().find(|editor| editor.name == name)
}

/// All names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    [SET, DELETE_KEY]
        .into_iter()
        .chain(tables().map(|editor| editor.name))
}

/// Gives its target a value, whatever it holds.
pub(crate) const SET: &str = "set";
pub(crate) const SET_PARAMETERS: &[Parameter] = &[TARGET, required("value", Kind::Any)];

/// Takes an entry out of the map that its target holds.
pub(crate) const DELETE_KEY: &str = "delete_key";
pub(crate) const DELETE_KEY_PARAMETERS: &[Parameter] = &[TARGET, required("key", Kind::String)];

fn tables() -> impl Iterator<Item = &'static Editor> {
    let tables = [
        flatten::TABLE,
        lists::TABLE,
        maps::TABLE,
        patterns::TABLE,
        truncate::TABLE,
    ];
    tables.into_iter().flatten()
}
