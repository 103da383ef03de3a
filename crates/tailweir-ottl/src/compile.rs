//! Turns the parser's tree into what the evaluator walks: resolves names and folds what is the same for
//! every subject.

mod call;
mod editor;

use crate::coerce::Kind;
use crate::compare::compare;
use crate::context::PathErrorReason;
use crate::evaluate::entry_value;
use crate::expression::{Expression, Keys, Lambda, Local, Predicate, Supplied};
use crate::nearest::nearest;
use crate::parser::not_a_value;
use crate::syntax::{self, Body, Logic, Operand, OperandKind, Segment};
use crate::value::{List, Origin};
use crate::{
    CompileError, Context, EvaluationError, Key, Options, PathError, PathExpression, Subject, Value,
};

type Compiled<T> = Result<T, CompileError>;

pub(crate) struct Compiler<'c, C> {
    text: &'c str,
    context: &'c C,
    options: &'c Options,
    /// The parameters of the lambdas around, outermost first.
    scopes: Vec<Vec<&'c str>>,
}

/// A subject without values, for what does not ask for any.
struct Nothing;

impl<P> Subject<P> for Nothing {
    fn value<'a>(&'a self, _: &'a P, _: &[Key<'a>]) -> Result<Value<'a>, EvaluationError> {
        Err(EvaluationError::Unavailable("no subject yet"))
    }
}

impl<'c, P, C: Context<Path = P>> Compiler<'c, C> {
    pub(crate) fn new(text: &'c str, context: &'c C, options: &'c Options) -> Self {
        Self {
            text,
            context,
            options,
            scopes: Vec::new(),
        }
    }

    fn error(&self, offset: usize, message: impl Into<String>) -> CompileError {
        CompileError::new(self.text, offset, message)
    }

    pub(crate) fn predicate(&mut self, logic: &Logic<'c>) -> Compiled<Predicate<P>> {
        Ok(match logic {
            Logic::Constant(value) => Predicate::Constant(*value),
            Logic::Comparison(left, comparator, right) => {
                let (left, right) = (self.expression(left)?, self.expression(right)?);
                match (left.literal(), right.literal()) {
                    (Some(a), Some(b)) => Predicate::Constant(compare(a, *comparator, b)),
                    _ => Predicate::Comparison(left, *comparator, right),
                }
            }
            Logic::Converter(converter) => Predicate::Truth(self.expression(converter)?),
            Logic::Not(inner) => match self.predicate(inner)? {
                Predicate::Constant(value) => Predicate::Constant(!value),
                inner => Predicate::Not(Box::new(inner)),
            },
            Logic::All(parts) => self.junction(parts, false, Predicate::All)?,
            Logic::Any(parts) => self.junction(parts, true, Predicate::Any)?,
        })
    }

    /// `and` or `or`: one constant decides it wherever it stands, even behind a part that would fail; the
    /// other constant is left out.
    fn junction(
        &mut self,
        parts: &[Logic<'c>],
        decisive: bool,
        several: fn(Box<[Predicate<P>]>) -> Predicate<P>,
    ) -> Compiled<Predicate<P>> {
        let mut remaining = Vec::with_capacity(parts.len());
        let mut decided = false;
        for part in parts {
            match self.predicate(part)? {
                Predicate::Constant(value) => decided |= value == decisive,
                part => remaining.push(part),
            }
        }
        Ok(match remaining.len() {
            _ if decided => Predicate::Constant(decisive),
            0 => Predicate::Constant(!decisive),
            1 => remaining.remove(0),
            _ => several(remaining.into_boxed_slice()),
        })
    }

    fn expression(&mut self, operand: &Operand<'c>) -> Compiled<Expression<P>> {
        let offset = operand.offset;
        match &operand.kind {
            OperandKind::Constant(value) => Ok(Expression::Constant(value.clone())),
            OperandKind::Symbol(name) => self.symbol(name, offset),
            OperandKind::Path(segments) => self.path(segments),
            OperandKind::Converter(call) => self.call(call, offset),
            OperandKind::List(items) => self.list(items, Kind::Any),
            OperandKind::Map(entries) => self.map(entries, offset),
            OperandKind::Arithmetic(left, operation, right) => {
                let parts = (self.expression(left)?, *operation, self.expression(right)?);
                let fixed = parts.0.is_fixed() && parts.2.is_fixed();
                Ok(folded(Expression::Arithmetic(Box::new(parts)), fixed))
            }
            OperandKind::Negation(inner) => {
                let inner = self.expression(inner)?;
                let fixed = inner.is_fixed();
                Ok(folded(Expression::Negation(Box::new(inner)), fixed))
            }
            OperandKind::Function(name) => Err(self.error(offset, not_a_value(name))),
            OperandKind::Lambda(_) => {
                let message = "a lambda can only be given to a converter that takes one";
                Err(self.error(offset, message))
            }
        }
    }

    fn symbol(&self, name: &str, offset: usize) -> Compiled<Expression<P>> {
        if let Some(number) = self.context.symbol(name) {
            return Ok(Expression::Constant(Value::Int(number)));
        }
        let suggestion = nearest(name, self.context.symbols());
        Err(self
            .error(offset, format!("unknown symbol `{name}`"))
            .suggesting(suggestion))
    }

    fn path(&mut self, segments: &[Segment<'c>]) -> Compiled<Expression<P>> {
        if let Some(local) = self.local(segments[0].name) {
            let [only] = segments else {
                let message = format!(
                    "`{}` is a lambda's parameter; index it with [\"...\"]",
                    segments[0].name
                );
                return Err(self.error(segments[1].offset, message));
            };
            return Ok(Expression::Local(local, self.keys(&only.keys)?));
        }
        let (last, inner) = segments.split_last().unzip();
        let keys = last.map_or(&[][..], |last: &Segment<'c>| last.keys.as_slice());
        if let Some(indexed) = inner
            .unwrap_or_default()
            .iter()
            .find(|segment| !segment.keys.is_empty())
        {
            let message = format!(
                "only the last name of a path can be indexed, not `{}`",
                indexed.name
            );
            return Err(self.error(indexed.offset, message));
        }
        let expression = PathExpression {
            segments: segments.iter().map(|segment| segment.name).collect(),
            keys: keys.len(),
        };
        let resolved = self.context.resolve(&expression);
        let path = resolved.map_err(|error| self.path_error(segments, error))?;
        Ok(Expression::Path(path, self.keys(keys)?))
    }

    fn local(&self, name: &str) -> Option<Local> {
        let innermost_first = self.scopes.iter().rev().enumerate();
        innermost_first
            .filter(|_| name != "_")
            .find_map(|(levels, names)| {
                let parameter = names.iter().position(|parameter| *parameter == name)?;
                Some(Local { levels, parameter })
            })
    }

    fn path_error(&self, segments: &[Segment<'_>], error: PathError) -> CompileError {
        let whole: Vec<_> = segments.iter().map(|segment| segment.name).collect();
        let whole = whole.join(".");
        let at = segments.get(error.segment).or(segments.last());
        let (offset, name) = at.map_or((0, ""), |segment| (segment.offset, segment.name));
        match error.reason {
            PathErrorReason::Unknown(valid) => {
                let missing = error.segment >= segments.len();
                let what = if missing { "incomplete" } else { "unknown" };
                let suggestion = nearest(name, valid.iter().copied()).filter(|_| !missing);
                let mut message = format!("{what} path `{whole}`");
                if !valid.is_empty() {
                    message += &format!(
                        "; valid {} `{}`: {}",
                        if missing { "after" } else { "in place of" },
                        name,
                        valid.join(", ")
                    );
                }
                self.error(offset, message).suggesting(suggestion)
            }
            PathErrorReason::NotIndexable => self.error(
                offset,
                format!("`{name}` cannot be indexed in the path `{whole}`"),
            ),
            PathErrorReason::NotIndexableTwice => self.error(
                offset,
                format!("`{name}` takes one key only in the path `{whole}`"),
            ),
        }
    }

    fn keys(&mut self, keys: &[Operand<'c>]) -> Compiled<Keys<P>> {
        let compiled: Result<Vec<_>, _> = keys.iter().map(|key| self.expression(key)).collect();
        let compiled = compiled?;
        if compiled.iter().all(Expression::is_fixed) {
            let fixed = compiled.into_iter().map(|key| match key {
                Expression::Constant(value) | Expression::Folded(value) => Key::of(Ok(value)),
                _ => Key::of(Ok(Value::Nil)),
            });
            return Ok(Keys::Fixed(fixed.collect()));
        }
        Ok(Keys::Computed(compiled.into()))
    }

    /// A list literal whose items become this kind.
    fn list(&mut self, items: &[Operand<'c>], kind: Kind) -> Compiled<Expression<P>> {
        let mut supplied = Vec::with_capacity(items.len());
        for item in items {
            supplied.push(self.supplied(item, kind)?);
        }
        let literal = supplied
            .iter()
            .all(|item| item.expression.literal().is_some());
        let fixed = supplied.iter().all(|item| item.expression.is_fixed());
        if literal {
            let values = supplied
                .into_iter()
                .filter_map(|item| match item.expression {
                    Expression::Constant(value) => Some(value),
                    _ => None,
                });
            return Ok(Expression::Constant(Value::List(List::new(
                values.collect(),
                Origin::Literal,
            ))));
        }
        Ok(folded(Expression::List(supplied.into()), fixed))
    }

    /// An argument, or an item of a list of arguments. A literal becomes its kind now, or is refused.
    fn supplied(&mut self, operand: &Operand<'c>, kind: Kind) -> Compiled<Supplied<P>> {
        let expression = match self.expression(operand)? {
            // Whether it turns out a list is only seen when it is needed.
            Expression::Constant(value) if kind != Kind::Texts => {
                Expression::Constant(self.literal(value, kind, operand.offset)?)
            }
            other => other,
        };
        Ok(Supplied { expression, kind })
    }

    fn map(&mut self, entries: &[(String, Operand<'c>)], offset: usize) -> Compiled<Expression<P>> {
        let mut compiled = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            compiled.push((key.clone().into_bytes().into(), self.expression(value)?));
        }
        let literal = compiled.iter().all(|(_, value)| value.literal().is_some());
        let fixed = compiled.iter().all(|(_, value)| value.is_fixed());
        if literal {
            let mut values = Vec::with_capacity(compiled.len());
            for (key, value) in compiled {
                let Expression::Constant(value) = value else {
                    continue;
                };
                let value =
                    entry_value(value).map_err(|error| self.error(offset, error.to_string()))?;
                values.push((key, value));
            }
            return Ok(Expression::Constant(Value::map(values)));
        }
        Ok(folded(Expression::Map(compiled.into()), fixed))
    }

    fn lambda(&mut self, lambda: &syntax::Lambda<'c>) -> Compiled<Lambda<P>> {
        let mut names: Vec<&'c str> = Vec::with_capacity(lambda.parameters.len());
        for (name, offset) in &lambda.parameters {
            if *name != "_" && names.contains(name) {
                return Err(self.error(*offset, format!("the parameter `{name}` is there twice")));
            }
            names.push(name);
        }
        self.scopes.push(names);
        let body = match &*lambda.body {
            Body::Value(operand) => self.expression(operand).map(Lambda::Value),
            Body::Logic(logic) => self.predicate(logic).map(Lambda::Logic),
        };
        self.scopes.pop();
        body
    }
}

/// The expression, computed now when it is the same for every subject. One that fails is kept, and fails
/// for every subject.
fn folded<P>(expression: Expression<P>, fixed: bool) -> Expression<P> {
    let value = if fixed {
        expression.value(&Nothing, None).ok().map(Value::into_owned)
    } else {
        None
    };
    match value {
        Some(value) => Expression::Folded(value),
        None => expression,
    }
}
