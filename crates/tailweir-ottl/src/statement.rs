//! A statement: compiled once, executed for every target.

use crate::coerce::Kind;
use crate::compile::Compiler;
use crate::converters::Arguments;
use crate::editors::{Edit, TargetKind};
use crate::evaluate::named;
use crate::expression::{Expression, Keys, Predicate, Supplied};
use crate::value::Map;
use crate::{CompileError, Context, EvaluationError, Key, Options, Subject, Value, parser};
use smallvec::SmallVec;

pub use crate::converters::Parameter;

/// The names that a statement may use: those of conditions, and editors of this context alone.
pub trait StatementContext: Context {
    /// An editor of this context, made ready.
    type Editor;

    /// The editors of this context alone.
    fn editors(&self) -> &'static [Signature];

    /// Makes one of them ready. `literals` holds an argument for each parameter: nothing where it is left
    /// out or computed.
    ///
    /// # Errors
    /// The argument that is wrong, by its position, and why.
    fn editor(
        &self,
        name: &str,
        literals: &[Option<&Value<'static>>],
    ) -> Result<Self::Editor, (usize, String)>;
}

/// An editor of a context: its name and what it takes.
#[derive(Debug)]
pub struct Signature {
    /// Its name.
    pub name: &'static str,
    /// What it takes, in order.
    pub parameters: &'static [Parameter],
}

impl Parameter {
    const fn of(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            optional: false,
            by_name: true,
        }
    }

    /// Text that may be computed.
    #[must_use]
    pub const fn text(name: &'static str) -> Self {
        Self::of(name, Kind::String)
    }

    /// Anything.
    #[must_use]
    pub const fn anything(name: &'static str) -> Self {
        Self::of(name, Kind::Any)
    }

    /// Text that is written out.
    #[must_use]
    pub const fn literal_text(name: &'static str) -> Self {
        Self::of(name, Kind::LiteralString)
    }

    /// A list of text that is written out.
    #[must_use]
    pub const fn literal_texts(name: &'static str) -> Self {
        Self::of(name, Kind::LiteralStrings)
    }

    /// True or false, written out.
    #[must_use]
    pub const fn literal_flag(name: &'static str) -> Self {
        Self::of(name, Kind::LiteralBool)
    }

    /// A float that is written out.
    #[must_use]
    pub const fn literal_float(name: &'static str) -> Self {
        Self::of(name, Kind::LiteralDouble)
    }

    /// A list of floats that is written out.
    #[must_use]
    pub const fn literal_floats(name: &'static str) -> Self {
        Self::of(name, Kind::LiteralDoubles)
    }

    /// The same, which may be left out.
    #[must_use]
    pub const fn or_nothing(self) -> Self {
        Self {
            optional: true,
            ..self
        }
    }
}

/// Something that statements change.
pub trait Target<P, E>: Subject<P> {
    /// A change that was worked out and not made yet.
    type Change;

    /// Works out what setting a path to a value changes; nothing when it changes nothing.
    ///
    /// # Errors
    /// When the path cannot be written, a key does not fit, or the value does not.
    fn change(
        &self,
        path: &P,
        keys: &[Key<'_>],
        value: Value<'_>,
    ) -> Result<Option<Self::Change>, EvaluationError>;

    /// Works out what taking the first entry of this name out of the map in a path changes (nothing when there
    /// is none), for targets that need not read the whole map for it. Those that do say nothing.
    fn removal(&self, path: &P, keys: &[Key<'_>], name: &[u8]) -> Option<Option<Self::Change>> {
        let _ = (path, keys, name);
        None
    }

    /// Makes a change.
    ///
    /// # Errors
    /// When the target would become too large.
    fn apply(&mut self, change: Self::Change) -> Result<(), EvaluationError>;

    /// Runs an editor of the context. Arguments that were left out are nil.
    ///
    /// # Errors
    /// When it cannot handle what the target holds.
    fn run(&mut self, editor: &E, arguments: Vec<Value<'static>>) -> Result<(), EvaluationError>;
}

/// A statement about targets whose paths are `P`, with editors `E` beside the standard ones.
pub struct Statement<P, E> {
    text: Box<str>,
    act: Act<P, E>,
    condition: Option<Predicate<P>>,
}

/// What a statement does.
pub(crate) enum Act<P, E> {
    Set(Place<P>, Expression<P>),
    /// Takes the entry out of a map that the argument names.
    DeleteKey(Place<P>, Supplied<P>),
    Edit {
        name: &'static str,
        target: Place<P>,
        /// What the target must hold.
        holds: TargetKind,
        edit: Edit,
        arguments: Box<[Supplied<P>]>,
    },
    Own {
        editor: E,
        arguments: Box<[Supplied<P>]>,
    },
}

/// A path that is written.
pub(crate) struct Place<P> {
    pub(crate) path: P,
    pub(crate) keys: Keys<P>,
}

impl<P, E> std::fmt::Debug for Statement<P, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Statement").field(&self.text).finish()
    }
}

impl<P, E> Statement<P, E> {
    /// Compiles a statement: names are resolved, arguments checked, patterns and constants made ready.
    ///
    /// # Errors
    /// [`CompileError`] with the place, the reason and, for an unknown name, the nearest valid one.
    pub fn compile<C>(text: &str, context: &C, options: &Options) -> Result<Self, CompileError>
    where
        C: StatementContext<Path = P, Editor = E>,
    {
        Self::compiled(text, context, options).map_err(CompileError::of_statement)
    }

    fn compiled<C>(text: &str, context: &C, options: &Options) -> Result<Self, CompileError>
    where
        C: StatementContext<Path = P, Editor = E>,
    {
        let statement = parser::statement(text)?;
        let mut compiler = Compiler::new(text, context, options);
        let act = compiler.editor(&statement.editor)?;
        let condition = statement.condition.as_ref();
        let condition = condition
            .map(|logic| compiler.predicate(logic))
            .transpose()?;
        Ok(Self {
            text: text.into(),
            act,
            condition,
        })
    }

    /// Changes the target, if the condition holds for it.
    ///
    /// # Errors
    /// [`EvaluationError`] when the condition has no result or the editor cannot do its work. The target
    /// is then as it was.
    pub fn execute<T: Target<P, E>>(&self, target: &mut T) -> Result<(), EvaluationError> {
        if let Some(condition) = &self.condition
            && !condition.holds(target, None)?
        {
            return Ok(());
        }
        let change = match &self.act {
            Act::Set(place, value) => {
                let value = value.value(target, None)?;
                target.change(&place.path, &place.keys.evaluated(target), value)?
            }
            Act::DeleteKey(place, key) => {
                let keys = place.keys.evaluated(target);
                let key = key.value(target, None)?;
                let Value::String(name) = &key else {
                    return Err(EvaluationError::type_of("string", &key));
                };
                match target.removal(&place.path, &keys, name) {
                    Some(change) => change,
                    None => match without_entry(target.value(&place.path, &keys)?, name)? {
                        Some(map) => target.change(&place.path, &keys, map)?,
                        None => None,
                    },
                }
            }
            Act::Edit {
                name,
                target: place,
                holds,
                edit,
                arguments,
            } => {
                let keys = place.keys.evaluated(target);
                let held = target.value(&place.path, &keys)?;
                check(*holds, &held)?;
                let arguments: Result<Arguments<'_>, _> = arguments
                    .iter()
                    .map(|argument| argument.value(target, None))
                    .collect();
                match edit(held, arguments?).map_err(|failure| named(name, failure))? {
                    Some(value) => target.change(&place.path, &keys, value)?,
                    None => None,
                }
            }
            Act::Own { editor, arguments } => {
                let arguments: Result<Vec<_>, _> = arguments
                    .iter()
                    .map(|argument| argument.value(target, None).map(Value::into_owned))
                    .collect();
                return target.run(editor, arguments?);
            }
        };
        match change {
            Some(change) => target.apply(change),
            None => Ok(()),
        }
    }

    /// The statement as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl<P> Keys<P> {
    fn evaluated<'a, S: Subject<P>>(&'a self, subject: &'a S) -> SmallVec<[Key<'a>; 4]> {
        match self {
            Self::Fixed(keys) => keys.iter().map(Key::borrowed).collect(),
            Self::Computed(keys) => keys
                .iter()
                .map(|key| Key::of(key.value(subject, None)))
                .collect(),
        }
    }
}

/// A map without the first entry of this name; nothing when there is none.
fn without_entry<'a>(held: Value<'a>, name: &[u8]) -> Result<Option<Value<'a>>, EvaluationError> {
    let Value::Map(map) = held else {
        return Err(EvaluationError::type_of("map", &held));
    };
    let mut entries = map.into_entries();
    let position = entries.iter().position(|(key, _)| key.as_ref() == name);
    Ok(position.map(|position| {
        entries.remove(position);
        Value::map(entries)
    }))
}

fn check(holds: TargetKind, held: &Value<'_>) -> Result<(), EvaluationError> {
    match (holds, held) {
        (TargetKind::Any, _)
        | (TargetKind::Map, Value::Map(Map { .. }))
        | (TargetKind::List, Value::List(_)) => Ok(()),
        (TargetKind::Map, other) => Err(EvaluationError::type_of("map", other)),
        (TargetKind::List, other) => Err(EvaluationError::type_of("list", other)),
    }
}

#[cfg(test)]
mod tests;
