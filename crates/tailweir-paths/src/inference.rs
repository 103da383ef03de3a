//! Conditions on which telemetry is filtered: which scene one is about, when only its paths say so.

use crate::metric::MetricField;
use crate::path::{Path, Place};
use crate::{Condition, Scene};
use std::cell::RefCell;
use tailweir_ottl::{CompileError, Context, Options, PathError, PathExpression};

/// A condition whose scene cannot be told.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InferenceError {
    /// It is not a condition, whatever it is about.
    #[error("{0}")]
    Condition(#[from] CompileError),
    /// A path does not begin with the name of a context.
    #[error("the path `{path}` does not begin with one of: {known}")]
    NoContext {
        /// Its first name.
        path: String,
        /// The names of contexts, separated by commas.
        known: String,
    },
    /// It has no path.
    #[error("the condition has no path that says what it is about; known contexts: {known}")]
    NoPath {
        /// The names of contexts, separated by commas.
        known: String,
    },
}

/// A scene for conditions on which telemetry is filtered: of metrics they may ask for attributes of points
/// by two converters that no other condition has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterScene(pub Scene);

/// The context of what is known of who sent a request.
const CLIENT_CONTEXT: &str = "otelcol";

const POINT_CONVERTERS: [&str; 2] = ["HasAttrKeyOnDatapoint", "HasAttrOnDatapoint"];

impl Context for FilterScene {
    type Path = Path;

    fn resolve(&self, path: &PathExpression<'_>) -> Result<Path, PathError> {
        self.0.resolve(path)
    }

    fn symbol(&self, name: &str) -> Option<i64> {
        self.0.symbol(name)
    }

    fn symbols(&self) -> Vec<&'static str> {
        self.0.symbols()
    }

    fn converter(&self, name: &str) -> Option<Path> {
        let asks_points = self.0 == Scene::Metric && POINT_CONVERTERS.contains(&name);
        asks_points
            .then_some(Path(Place::Metric(MetricField::PointAttribute)))
            .or_else(|| self.0.converter(name))
    }

    fn arity(&self, converter: &str) -> usize {
        let place = POINT_CONVERTERS.iter().position(|name| *name == converter);
        place.map_or(0, |place| place + 1)
    }

    fn converters(&self) -> &[&'static str] {
        match self.0 {
            Scene::Metric => &POINT_CONVERTERS,
            scene => scene.own_converters(),
        }
    }
}

impl FilterScene {
    /// Which of `scenes` a condition is about: the innermost that its paths name, or the first one within
    /// that which knows all converters and symbols of the condition.
    ///
    /// # Errors
    /// [`InferenceError`] when no path names a scene, or the condition is none.
    pub fn infer(text: &str, scenes: &[Scene], options: &Options) -> Result<Self, InferenceError> {
        let known = || {
            let names: Vec<_> = scenes.iter().map(|scene| scene.name()).collect();
            names.join(", ")
        };
        let mut named: Option<usize> = None;
        for path in first_names(text, options)? {
            // Known to every scene, and themselves none.
            if path == "instrumentation_scope" || path == CLIENT_CONTEXT {
                continue;
            }
            let place = Scene::ALL
                .iter()
                .position(|scene| scene.name() == path && scenes.contains(scene));
            let Some(place) = place else {
                return Err(InferenceError::NoContext {
                    path,
                    known: known(),
                });
            };
            named = Some(named.map_or(place, |named| named.min(place)));
        }
        let named = named.ok_or_else(|| InferenceError::NoPath { known: known() })?;
        let named = Scene::ALL[named];
        let within = Scene::ALL
            .into_iter()
            .filter(|scene| scenes.contains(scene) && *scene != named && scene.knows(named.name()));
        let compiles = |scene: &Scene| Condition::compile(text, &Self(*scene), options).is_ok();
        let found = std::iter::once(named).chain(within).find(compiles);
        Ok(Self(found.unwrap_or(named)))
    }
}

/// Whether a condition asks for something about the client that sent the request.
///
/// # Errors
/// [`CompileError`] when it is not a condition, whatever it is about.
pub fn asks_for_client(text: &str, options: &Options) -> Result<bool, CompileError> {
    Ok(first_names(text, options)?
        .iter()
        .any(|name| name == CLIENT_CONTEXT))
}

/// The first names of all paths of a condition.
fn first_names(text: &str, options: &Options) -> Result<Vec<String>, CompileError> {
    let recorder = Recorder::default();
    tailweir_ottl::Condition::compile(text, &recorder, options)?;
    Ok(recorder.names.into_inner())
}

/// A context that knows every path, and remembers it.
#[derive(Default)]
struct Recorder {
    names: RefCell<Vec<String>>,
}

impl Context for Recorder {
    type Path = ();

    fn resolve(&self, path: &PathExpression<'_>) -> Result<(), PathError> {
        let first = path.segments.first().copied().unwrap_or_default();
        self.names.borrow_mut().push(first.to_owned());
        Ok(())
    }

    fn symbol(&self, name: &str) -> Option<i64> {
        Scene::ALL.iter().find_map(|scene| scene.symbol(name))
    }

    fn symbols(&self) -> Vec<&'static str> {
        Scene::ALL.iter().flat_map(Scene::symbols).collect()
    }

    fn converter(&self, name: &str) -> Option<()> {
        let mut scenes = Scene::ALL.into_iter().map(FilterScene);
        scenes
            .any(|scene| scene.converter(name).is_some())
            .then_some(())
    }

    fn arity(&self, converter: &str) -> usize {
        FilterScene(Scene::Metric).arity(converter)
    }

    fn converters(&self) -> &[&'static str] {
        &[]
    }
}

#[cfg(test)]
mod tests {
    use super::{FilterScene, InferenceError};
    use crate::Scene;
    use tailweir_ottl::Options;

    const METRICS: [Scene; 4] = [
        Scene::Resource,
        Scene::Scope,
        Scene::Metric,
        Scene::DataPoint,
    ];

    fn infer(text: &str) -> Result<Scene, InferenceError> {
        FilterScene::infer(text, &METRICS, &Options::default()).map(|found| found.0)
    }

    /// Scenario: conditions name one context, several, and one whose converter or name only another knows.
    /// Guarantees: the innermost is chosen, or the one within that knows it.
    #[test]
    fn the_innermost_scene_is_inferred() {
        for (text, scene) in [
            (r#"resource.attributes["a"] == 1"#, Scene::Resource),
            (
                r#"instrumentation_scope.name == metric.name"#,
                Scene::Metric,
            ),
            (
                r#"metric.name == "a" and resource.attributes["a"] == 1"#,
                Scene::Metric,
            ),
            (
                r#"metric.name == "a" and datapoint.flags == 0"#,
                Scene::DataPoint,
            ),
            (
                r#"resource.attributes["a"] == 1 and HasAttrKeyOnDatapoint("b")"#,
                Scene::Metric,
            ),
        ] {
            assert_eq!(infer(text), Ok(scene), "{text}");
        }
    }

    /// Scenario: conditions without a path, with a path that names no context or that of another signal,
    /// and no condition at all.
    /// Guarantees: each is told apart.
    #[test]
    fn what_names_no_context_is_refused() {
        for text in ["true", r#"instrumentation_scope.name == "a""#] {
            let inferred = infer(text);
            assert!(
                matches!(inferred, Err(InferenceError::NoPath { .. })),
                "{text}"
            );
        }
        for text in [r#"name == "a""#, r#"span.name == "a""#] {
            let inferred = infer(text);
            assert!(
                matches!(inferred, Err(InferenceError::NoContext { .. })),
                "{text}"
            );
        }
        assert!(matches!(
            infer("metric.name ="),
            Err(InferenceError::Condition(_))
        ));
    }
}
