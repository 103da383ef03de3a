//! Statements: which editor, what it writes, and what it is given.

use super::{Compiled, Compiler};
use crate::coerce::Kind;
use crate::converters::{Literals, Parameter};
use crate::editors::{self, Function, Given};
use crate::expression::{Expression, Keys};
use crate::nearest::nearest;
use crate::statement::{Act, Place, StatementContext};
use crate::syntax::{Argument, Call, OperandKind};

impl<'c, P, C: StatementContext<Path = P>> Compiler<'c, C> {
    /// What a statement does.
    pub(crate) fn editor(&mut self, call: &Call<'c>) -> Compiled<Act<P, C::Editor>> {
        let own = self.context.editors();
        if call.name == editors::SET {
            return self.set(call);
        }
        if call.name == editors::DELETE_KEY {
            return self.delete_key(call);
        }
        if let Some(editor) = editors::find(call.name) {
            return self.standard(call, editor);
        }
        if let Some(signature) = own.iter().find(|signature| signature.name == call.name) {
            return self.own(call, signature.parameters);
        }
        let names = editors::names().chain(own.iter().map(|signature| signature.name));
        Err(self
            .error(0, format!("unknown editor `{}`", call.name))
            .suggesting(nearest(call.name, names)))
    }

    fn set(&mut self, call: &Call<'c>) -> Compiled<Act<P, C::Editor>> {
        let placed = self.placed(call, editors::SET_PARAMETERS, 0)?;
        let (Some(target), Some(value)) = (placed[0], placed[1]) else {
            return Err(self.error(0, "`set` lacks an argument"));
        };
        Ok(Act::Set(
            self.target(target, call.name)?,
            self.expression(&value.value)?,
        ))
    }

    fn delete_key(&mut self, call: &Call<'c>) -> Compiled<Act<P, C::Editor>> {
        let placed = self.placed(call, editors::DELETE_KEY_PARAMETERS, 0)?;
        let Some(target) = placed[0] else {
            return Err(self.error(0, "`delete_key` lacks its target"));
        };
        let target = self.target(target, call.name)?;
        let arguments = self.arguments(call.name, editors::DELETE_KEY_PARAMETERS, &placed)?;
        let key = arguments.into_iter().last();
        let key = key.ok_or_else(|| self.error(0, "`delete_key` lacks an argument"))?;
        Ok(Act::DeleteKey(target, key))
    }

    fn standard(
        &mut self,
        call: &Call<'c>,
        editor: &'static editors::Editor,
    ) -> Compiled<Act<P, C::Editor>> {
        let placed = self.placed(call, editor.parameters, 0)?;
        let Some(target) = placed[0] else {
            return Err(self.error(0, format!("`{}` lacks its target", call.name)));
        };
        let target = self.target(target, call.name)?;
        let arguments = self.arguments(call.name, editor.parameters, &placed)?;
        let literals: Vec<_> = arguments
            .iter()
            .map(|argument| argument.expression.literal())
            .collect();
        let mut given = Given {
            literals: Literals(&literals),
            is_there: placed.iter().map(Option::is_some).collect(),
            function: self.function(editor.parameters, &placed)?,
        };
        let edit = (editor.prepare)(&mut given).map_err(|refusal| {
            let at = placed[refusal.argument].map_or(0, |argument| argument.value.offset);
            self.error(at, format!("`{}`: {}", call.name, refusal.reason))
        })?;
        Ok(Act::Edit {
            name: editor.name,
            target,
            holds: editor.target,
            edit,
            arguments,
        })
    }

    fn own(&mut self, call: &Call<'c>, parameters: &[Parameter]) -> Compiled<Act<P, C::Editor>> {
        let placed = self.placed(call, parameters, 0)?;
        let arguments = self.arguments(call.name, parameters, &placed)?;
        let literals: Vec<_> = arguments
            .iter()
            .zip(&placed)
            .map(|(argument, placed)| placed.and(argument.expression.literal()))
            .collect();
        let made = self.context.editor(call.name, &literals);
        let editor = made.map_err(|(argument, reason)| {
            let at = placed.get(argument).copied().flatten();
            let at = at.map_or(0, |argument| argument.value.offset);
            self.error(at, format!("`{}`: {reason}", call.name))
        })?;
        Ok(Act::Own { editor, arguments })
    }

    fn target(&mut self, argument: &Argument<'c>, editor: &str) -> Compiled<Place<P>> {
        let offset = argument.value.offset;
        let OperandKind::Path(segments) = &argument.value.kind else {
            let message = format!("`{editor}` changes what a path names, and this is no path");
            return Err(self.error(offset, message));
        };
        match self.path(segments)? {
            Expression::Path(path, keys) => Ok(Place { path, keys }),
            _ => Ok(Place {
                path: self.unwritable(offset)?,
                keys: Keys::Fixed(Box::new([])),
            }),
        }
    }

    fn unwritable(&self, offset: usize) -> Compiled<P> {
        Err(self.error(offset, "this cannot be written"))
    }

    /// The converter that an argument names.
    fn function(
        &self,
        parameters: &[Parameter],
        placed: &[Option<&Argument<'c>>],
    ) -> Compiled<Option<Function>> {
        let is_function = |parameter: &Parameter| parameter.kind == Kind::Function;
        let position = parameters.iter().position(is_function);
        let Some(argument) = position.and_then(|position| placed[position]) else {
            return Ok(None);
        };
        let offset = argument.value.offset;
        match &argument.value.kind {
            OperandKind::Function(name) | OperandKind::Symbol(name) => {
                Function::new(name).map(Some).map_err(|reason| {
                    let names = crate::converters::names();
                    self.error(offset, reason)
                        .suggesting(nearest(name, names).filter(|found| found != name))
                })
            }
            _ => {
                let message = "the name of a converter is wanted, such as SHA256, not a call of it";
                Err(self.error(offset, message))
            }
        }
    }
}
