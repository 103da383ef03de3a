//! Which context statements are about, when they do not say so.

use super::editors;
use tailweir_config::StatementGroup;
use tailweir_ottl::{CompileError, Context, Hints, is_standard_function};
use tailweir_paths::Scene;

/// Why the context cannot be told.
pub(super) enum Unclear {
    /// The statement of this number is none.
    Statement(usize, CompileError),
    /// The condition of this number is none.
    Condition(usize, CompileError),
    /// The whole group names no context, or several that exclude each other.
    Group(String),
}

/// The innermost of `scenes` that the paths name; or, when that lacks an editor, converter or symbol, the
/// innermost from which the paths can be reached and which has them. `scenes` are in order, the innermost
/// first.
pub(super) fn infer(group: &StatementGroup, scenes: &[Scene]) -> Result<Scene, Unclear> {
    let hints = hints(group)?;
    let named = scenes.iter().copied().find(|scene| {
        let mut contexts = hints.contexts.iter();
        contexts.any(|context| scene.name() == context)
    });
    let known = || {
        let names: Vec<_> = scenes.iter().map(|scene| scene.name()).collect();
        names.join(", ")
    };
    let Some(named) = named else {
        let problem = format!(
            "the statements do not tell what they are about; begin each path with the name of a context ({}), or add `context`",
            known()
        );
        return Err(Unclear::Group(problem));
    };
    // What no context knows is a mistake that compiling points at.
    if has_all(named, &hints) || !scenes_have_all(scenes, &hints) {
        return Ok(named);
    }
    let mut others = scenes
        .iter()
        .copied()
        .filter(|scene| *scene != named && scene.knows(named.name()));
    others.find(|scene| has_all(*scene, &hints)).ok_or_else(|| {
        Unclear::Group(format!(
            "no context has all that the statements use: paths of `{}`, {}; write them as groups with a `context` of their own",
            named.name(),
            missing(named, &hints)
        ))
    })
}

fn hints(group: &StatementGroup) -> Result<Hints, Unclear> {
    let mut all = Hints::default();
    for (index, text) in group.statements.iter().enumerate() {
        let hints = Hints::of_statement(text);
        all.add(hints.map_err(|error| Unclear::Statement(index, error))?);
    }
    for (index, text) in group.conditions.iter().enumerate() {
        let hints = Hints::of_condition(text);
        all.add(hints.map_err(|error| Unclear::Condition(index, error))?);
    }
    Ok(all)
}

fn has_function(scene: Scene, name: &str) -> bool {
    is_standard_function(name)
        || scene.converter(name).is_some()
        || editors::of(scene)
            .iter()
            .any(|signature| signature.name == name)
}

fn has_all(scene: Scene, hints: &Hints) -> bool {
    hints.functions.iter().all(|name| has_function(scene, name))
        && hints
            .symbols
            .iter()
            .all(|name| scene.symbol(name).is_some())
}

/// Whether each name is known in some scene.
fn scenes_have_all(scenes: &[Scene], hints: &Hints) -> bool {
    let knows_function = |name: &String| scenes.iter().any(|scene| has_function(*scene, name));
    let knows_symbol = |name: &String| scenes.iter().any(|scene| scene.symbol(name).is_some());
    hints.functions.iter().all(knows_function) && hints.symbols.iter().all(knows_symbol)
}

fn missing(scene: Scene, hints: &Hints) -> String {
    let functions = hints
        .functions
        .iter()
        .filter(|name| !has_function(scene, name));
    let symbols = hints
        .symbols
        .iter()
        .filter(|name| scene.symbol(name).is_none());
    let names: Vec<_> = functions
        .chain(symbols)
        .map(|name| format!("`{name}`"))
        .collect();
    names.join(", ")
}
