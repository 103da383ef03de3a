//! Calls: which converter, which argument is which, and whether each fits.

use super::{Compiled, Compiler, folded};
use crate::coerce::{Kind, coerce};
use crate::converters::{self, Body, Converter, Literals, Parameter};
use crate::expression::{Call, Expression, Keys, Lambda, LambdaForm, Outside, Supplied};
use crate::nearest::nearest;
use crate::options::Determinism;
use crate::syntax::{self, Argument, Operand, OperandKind};
use crate::{CompileError, Context, Key, Value};

impl<'c, P, C: Context<Path = P>> Compiler<'c, C> {
    pub(super) fn call(
        &mut self,
        call: &syntax::Call<'c>,
        offset: usize,
    ) -> Compiled<Expression<P>> {
        if let Some(path) = self.context.converter(call.name) {
            return self.disguised(path, call, offset);
        }
        let Some(converter) = converters::find(call.name) else {
            return Err(self.unknown(call.name, offset));
        };
        let placed = self.placed(call, converter.parameters, offset)?;
        let compiled = match converter.body {
            Body::Lambda(form) => self.each(form, converter, &placed, offset)?,
            Body::Outside(what) => self.outside(what, offset)?,
            Body::Coalesce => self.coalesce(&placed, offset)?,
            Body::Plain(function) => Call::Plain {
                name: converter.name,
                function,
                arguments: self.arguments(converter.name, converter.parameters, &placed)?,
            },
            Body::Prepared(prepare) => {
                let arguments = self.arguments(converter.name, converter.parameters, &placed)?;
                let literals: Vec<_> = arguments
                    .iter()
                    .map(|argument| argument.expression.literal())
                    .collect();
                let function = prepare(&Literals(&literals)).map_err(|refusal| {
                    let at =
                        placed[refusal.argument].map_or(offset, |argument| argument.value.offset);
                    self.error(at, format!("`{}`: {}", converter.name, refusal.reason))
                })?;
                Call::Prepared {
                    name: converter.name,
                    function,
                    arguments,
                }
            }
        };
        let keys = self.keys(&call.keys)?;
        let fixed = is_fixed(&compiled) && keys.is_empty();
        Ok(folded(Expression::Call(Box::new(compiled), keys), fixed))
    }

    /// A converter of the context, which is a path with its arguments as keys.
    fn disguised(
        &mut self,
        path: P,
        call: &syntax::Call<'c>,
        offset: usize,
    ) -> Compiled<Expression<P>> {
        let arity = self.context.arity(call.name);
        if call.arguments.len() != arity {
            let given = call.arguments.len();
            let message = format!("`{}` takes {arity} arguments, not {given}", call.name);
            return Err(self.error(offset, message));
        }
        if arity == 0 {
            return Ok(Expression::Path(path, self.keys(&call.keys)?));
        }
        let mut keys = Vec::with_capacity(arity);
        for argument in &call.arguments {
            match &argument.value.kind {
                OperandKind::Constant(Value::String(text)) if argument.name.is_none() => {
                    keys.push(Key::Name(text.clone()));
                }
                _ => {
                    let message = format!("`{}` takes texts", call.name);
                    return Err(self.error(argument.offset, message));
                }
            }
        }
        Ok(Expression::Path(path, Keys::Fixed(keys.into())))
    }

    fn unknown(&self, name: &str, offset: usize) -> CompileError {
        let names = converters::names().chain(self.context.converters().iter().copied());
        self.error(offset, format!("unknown converter `{name}`"))
            .suggesting(nearest(name, names))
    }

    /// The argument of each parameter.
    pub(super) fn placed<'o>(
        &self,
        call: &'o syntax::Call<'c>,
        parameters: &[Parameter],
        offset: usize,
    ) -> Compiled<Vec<Option<&'o Argument<'c>>>> {
        let required = parameters
            .iter()
            .filter(|parameter| !parameter.optional)
            .count();
        let given = call.arguments.len();
        if given < required || given > parameters.len() {
            let wanted = if required == parameters.len() {
                required.to_string()
            } else {
                format!("{required} to {}", parameters.len())
            };
            return Err(self.error(
                offset,
                format!("`{}` takes {wanted} arguments, not {given}", call.name),
            ));
        }
        let mut placed: Vec<Option<&Argument<'c>>> = vec![None; parameters.len()];
        let mut named = false;
        for (number, argument) in call.arguments.iter().enumerate() {
            let position = match argument.name {
                Some(name) => {
                    named = true;
                    self.parameter(name, call.name, parameters, argument.offset)?
                }
                None if named => {
                    return Err(self.error(
                        argument.offset,
                        "an argument without a name after one with a name",
                    ));
                }
                None => number,
            };
            if placed[position].replace(argument).is_some() {
                let message = format!(
                    "the argument `{}` is there twice",
                    parameters[position].name
                );
                return Err(self.error(argument.offset, message));
            }
        }
        let missing = (0..parameters.len())
            .find(|number| placed[*number].is_none() && !parameters[*number].optional);
        match missing {
            Some(number) => {
                let message = format!(
                    "`{}` lacks its argument `{}`",
                    call.name, parameters[number].name
                );
                Err(self.error(offset, message))
            }
            None => Ok(placed),
        }
    }

    fn parameter(
        &self,
        name: &str,
        callee: &str,
        parameters: &[Parameter],
        offset: usize,
    ) -> Compiled<usize> {
        let named = |parameter: &Parameter| parameter.by_name && is_same_name(parameter.name, name);
        if let Some(position) = parameters.iter().position(named) {
            return Ok(position);
        }
        let names = parameters.iter().filter(|parameter| parameter.by_name);
        let suggestion = nearest(name, names.map(|parameter| parameter.name));
        let positional = parameters.iter().any(|parameter| parameter.name == name);
        let reason = if positional {
            "can only be given by its position"
        } else {
            "is no argument"
        };
        Err(self
            .error(offset, format!("`{name}` {reason} of `{callee}`"))
            .suggesting(suggestion))
    }

    pub(super) fn arguments(
        &mut self,
        callee: &str,
        parameters: &[Parameter],
        placed: &[Option<&Argument<'c>>],
    ) -> Compiled<Box<[Supplied<P>]>> {
        let pairs = parameters.iter().zip(placed);
        pairs
            .map(|(parameter, argument)| match argument {
                // Whoever compiles the call deals with these.
                Some(_) if matches!(parameter.kind, Kind::Target | Kind::Function) => {
                    Ok(Supplied::nothing())
                }
                Some(argument) => self.argument(&argument.value, parameter, callee),
                None => Ok(Supplied::nothing()),
            })
            .collect()
    }

    fn argument(
        &mut self,
        value: &Operand<'c>,
        parameter: &Parameter,
        converter: &str,
    ) -> Compiled<Supplied<P>> {
        let items = |kind| match (kind, &value.kind) {
            (Kind::StringList | Kind::LiteralStrings, OperandKind::List(items)) => {
                Some((items, Kind::String))
            }
            (Kind::AnyList, OperandKind::List(items)) => Some((items, Kind::Any)),
            (Kind::LiteralDoubles, OperandKind::List(items)) => Some((items, Kind::Double)),
            (Kind::Texts, OperandKind::List(items)) => Some((items, Kind::StringLike)),
            _ => None,
        };
        let refused = |compiler: &Self, wanted: &str| {
            let message = format!(
                "the argument `{}` of `{converter}` must be {wanted}",
                parameter.name
            );
            Err(compiler.error(value.offset, message))
        };
        let supplied = match items(parameter.kind) {
            Some((items, kind)) => Supplied {
                expression: self.list(items, kind)?,
                kind: Kind::Any,
            },
            None if matches!(
                parameter.kind,
                Kind::StringList | Kind::AnyList | Kind::LiteralStrings | Kind::LiteralDoubles
            ) =>
            {
                return refused(self, "a list in brackets");
            }
            None => self.supplied(value, parameter.kind)?,
        };
        let must_be_literal = matches!(
            parameter.kind,
            Kind::LiteralString
                | Kind::LiteralStrings
                | Kind::LiteralBool
                | Kind::LiteralInt
                | Kind::LiteralDouble
                | Kind::LiteralDoubles
        );
        if must_be_literal && supplied.expression.literal().is_none() {
            return refused(self, "written out, not computed");
        }
        Ok(supplied)
    }

    /// A literal as its kind.
    pub(super) fn literal(
        &self,
        value: Value<'static>,
        kind: Kind,
        offset: usize,
    ) -> Compiled<Value<'static>> {
        let kept = match kind {
            Kind::Asked(kind) => coerce(value.clone(), *kind).map(|_| value),
            kind => coerce(value, kind),
        };
        kept.map_err(|error| self.error(offset, error.to_string()))
    }

    fn coalesce(&mut self, placed: &[Option<&Argument<'c>>], offset: usize) -> Compiled<Call<P>> {
        let list = placed
            .first()
            .copied()
            .flatten()
            .map(|argument| &argument.value.kind);
        let Some(OperandKind::List(items)) = list else {
            return Err(self.error(offset, "`Coalesce` takes a list in brackets"));
        };
        if items.is_empty() {
            return Err(self.error(offset, "`Coalesce` takes at least one value"));
        }
        let values: Result<Vec<_>, _> = items.iter().map(|item| self.expression(item)).collect();
        Ok(Call::Coalesce(values?.into()))
    }

    fn outside(&self, what: Outside, offset: usize) -> Compiled<Call<P>> {
        match &self.options.determinism {
            Determinism::Waived(surroundings) => Ok(Call::Outside(what, surroundings.clone())),
            Determinism::Required => Err(self.error(
                offset,
                "its value does not follow from the telemetry alone, so a decision could not be repeated; leave it out",
            )),
        }
    }

    fn each(
        &mut self,
        form: LambdaForm,
        converter: &Converter,
        placed: &[Option<&Argument<'c>>],
        offset: usize,
    ) -> Compiled<Call<P>> {
        if !self.options.lambdas {
            let message = format!(
                "`{}` takes a lambda: start with `--feature-gates=ottl.functions.enableLambda`, as for the Collector",
                converter.name
            );
            return Err(self.error(offset, message));
        }
        let mut lambdas = Vec::new();
        let mut values = Vec::new();
        for (parameter, argument) in converter.parameters.iter().zip(placed) {
            let Some(argument) = argument else {
                continue;
            };
            match parameter.kind {
                Kind::Lambda(count) => {
                    lambdas.push(self.lambda_of(&argument.value, count, parameter.name)?);
                }
                kind => values.push(self.supplied(&argument.value, kind)?.expression),
            }
        }
        let mut lambdas = lambdas.into_iter();
        let mut values = values.into_iter();
        let nil = || Expression::Constant(Value::Nil);
        let Some(lambda) = lambdas.next() else {
            return Err(self.error(offset, format!("`{}` lacks its lambda", converter.name)));
        };
        Ok(if form == LambdaForm::When {
            Call::When {
                condition: lambda,
                values: (
                    values.next().unwrap_or_else(nil),
                    values.next().unwrap_or_else(nil),
                ),
            }
        } else {
            Call::Each {
                form,
                source: values.next().unwrap_or_else(nil),
                lambda,
                mapper: lambdas.next(),
                seed: values.next(),
            }
        })
    }

    fn lambda_of(&mut self, value: &Operand<'c>, count: usize, name: &str) -> Compiled<Lambda<P>> {
        let OperandKind::Lambda(lambda) = &value.kind else {
            return Err(self.error(
                value.offset,
                format!("the argument `{name}` must be a lambda, such as (k, v) => v > 1"),
            ));
        };
        let given = lambda.parameters.len();
        if given != count {
            return Err(self.error(
                value.offset,
                format!("the lambda `{name}` takes {count} parameters, not {given}"),
            ));
        }
        self.lambda(lambda)
    }
}

/// Whether an argument's name is that of a parameter. The Collector tells them apart in camel case, so
/// `resolveConflicts` is `resolve_conflicts`.
fn is_same_name(parameter: &str, given: &str) -> bool {
    let mut rest = given.chars();
    let mut begins_word = true;
    for letter in parameter.chars() {
        if letter == '_' {
            begins_word = true;
            continue;
        }
        let mut next = rest.next();
        if begins_word && next == Some('_') {
            next = rest.next();
        }
        let same = next.is_some_and(|next| {
            next == letter || begins_word && next.eq_ignore_ascii_case(&letter)
        });
        if !same {
            return false;
        }
        begins_word = false;
    }
    rest.next().is_none()
}

/// Whether a call gives the same for every subject.
fn is_fixed<P>(call: &Call<P>) -> bool {
    match call {
        Call::Plain { arguments, .. } | Call::Prepared { arguments, .. } => arguments
            .iter()
            .all(|argument| argument.expression.is_fixed()),
        Call::Coalesce(values) => values.iter().all(Expression::is_fixed),
        Call::Outside(..) | Call::Each { .. } | Call::When { .. } => false,
    }
}
