//! Settings to groups of statements.

use super::Statements;
use super::group::Group;
use super::infer::{Unclear, infer};
use super::scene::StatementScene;
use crate::error::{CompileError, CompileErrors};
use std::sync::Arc;
use tailweir_config::{OttlErrorMode, StatementGroup, StatementGroups, TransformProcessor};
use tailweir_core::Signal;
use tailweir_ottl::{Dialect, Options, Statement, Surroundings};
use tailweir_paths::{Condition, Scene};

pub(super) fn statements(
    settings: &TransformProcessor,
    dialect: &Dialect,
) -> Result<Statements, CompileErrors> {
    let mut compiler = Compiler {
        options: dialect.options(),
        error_mode: settings.error_mode,
        surroundings: &dialect.surroundings,
        errors: Vec::new(),
    };
    let compiled = Statements {
        traces: compiler.groups(
            Signal::Traces,
            "trace_statements",
            &settings.trace_statements,
        ),
        metrics: compiler.groups(
            Signal::Metrics,
            "metric_statements",
            &settings.metric_statements,
        ),
        logs: compiler.groups(Signal::Logs, "log_statements", &settings.log_statements),
    };
    if compiler.errors.is_empty() {
        Ok(compiled)
    } else {
        Err(CompileErrors(compiler.errors))
    }
}

/// What the statements of a signal may be about.
pub(super) const fn scenes(signal: Signal) -> &'static [Scene] {
    match signal {
        Signal::Traces => &[Scene::SpanEvent, Scene::Span, Scene::Scope, Scene::Resource],
        Signal::Metrics => &[
            Scene::DataPoint,
            Scene::Metric,
            Scene::Scope,
            Scene::Resource,
        ],
        Signal::Logs => &[Scene::Log, Scene::Scope, Scene::Resource],
    }
}

struct Compiler<'s> {
    options: Options,
    error_mode: OttlErrorMode,
    surroundings: &'s Arc<dyn Surroundings>,
    errors: Vec<CompileError>,
}

/// Where the texts of a group stand.
struct Paths {
    statements: String,
    conditions: String,
}

impl Compiler<'_> {
    fn groups(&mut self, signal: Signal, key: &str, groups: &StatementGroups) -> Vec<Group> {
        let mut compiled = Vec::new();
        for (index, group) in groups.groups.iter().enumerate() {
            let paths = if groups.are_plain {
                Paths {
                    statements: key.to_owned(),
                    conditions: key.to_owned(),
                }
            } else {
                Paths {
                    statements: format!("{key}[{index}].statements"),
                    conditions: format!("{key}[{index}].conditions"),
                }
            };
            let place = match groups.are_plain {
                true => key.to_owned(),
                false => format!("{key}[{index}]"),
            };
            compiled.extend(self.group(signal, group, &place, &paths));
        }
        compiled
    }

    fn group(
        &mut self,
        signal: Signal,
        group: &StatementGroup,
        place: &str,
        paths: &Paths,
    ) -> Option<Group> {
        if group.statements.is_empty() {
            return None;
        }
        let scene = self.scene(signal, group, place, paths)?;
        let context = StatementScene {
            scene,
            surroundings: self.surroundings.clone(),
        };
        let mut statements = Vec::with_capacity(group.statements.len());
        for (index, text) in group.statements.iter().enumerate() {
            match Statement::compile(text, &context, &self.options) {
                Ok(statement) => statements.push(statement),
                Err(error) => self.wrong(format!("{}[{index}]", paths.statements), error),
            }
        }
        let mut conditions = Vec::with_capacity(group.conditions.len());
        for (index, text) in group.conditions.iter().enumerate() {
            match Condition::compile(text, &scene, &self.options) {
                Ok(condition) => conditions.push(condition),
                Err(error) => self.wrong(format!("{}[{index}]", paths.conditions), error),
            }
        }
        Some(Group {
            scene,
            conditions,
            statements,
            error_mode: group.error_mode.unwrap_or(self.error_mode),
            shares_cache: group.shared_cache,
        })
    }

    /// The context that is written, or that the statements tell.
    fn scene(
        &mut self,
        signal: Signal,
        group: &StatementGroup,
        place: &str,
        paths: &Paths,
    ) -> Option<Scene> {
        let scenes = scenes(signal);
        if !group.context.is_empty() {
            let named = group.context.to_ascii_lowercase();
            let scene = Scene::of_context(&named).filter(|scene| scenes.contains(scene));
            if scene.is_none() {
                let known: Vec<_> = scenes.iter().map(|scene| scene.name()).collect();
                let problem = format!(
                    "unknown context `{}`; those of {signal} are {}",
                    group.context,
                    known.join(", ")
                );
                self.wrong(format!("{place}.context"), problem);
            }
            return scene;
        }
        match infer(group, scenes) {
            Ok(scene) => Some(scene),
            Err(Unclear::Statement(index, error)) => {
                self.wrong(format!("{}[{index}]", paths.statements), error);
                None
            }
            Err(Unclear::Condition(index, error)) => {
                self.wrong(format!("{}[{index}]", paths.conditions), error);
                None
            }
            Err(Unclear::Group(problem)) => {
                self.wrong(place.to_owned(), problem);
                None
            }
        }
    }

    fn wrong(&mut self, path: String, problem: impl std::fmt::Display) {
        self.errors.push(CompileError::new(path, problem));
    }
}
