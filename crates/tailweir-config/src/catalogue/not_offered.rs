//! What the Collector has and this version has not: whole components, and options of those that are here.

use super::{Component, PRESENT, Role, absent};
use crate::setting::{Shape, Standing};

/// Components of the Collector that this version does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbsentComponents {
    /// What they do.
    pub role: Role,
    /// Their names.
    pub names: &'static [&'static str],
    /// What to use instead of any of them.
    pub instead: &'static str,
}

/// The components of the Collector that this version does not have, grouped by what to use instead.
pub fn absent_components() -> impl Iterator<Item = AbsentComponents> {
    Role::ALL.into_iter().flat_map(|role| {
        let groups = absent::groups(role).iter();
        groups.map(move |&(instead, names)| AbsentComponents {
            role,
            names,
            instead,
        })
    })
}

/// An option of the Collector that does nothing in this version, or is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleOption {
    /// Whose option it is.
    pub component: Component,
    /// The keys that lead to it, the last of which is its own. `[]` stands for an item of a list, `*` for
    /// any key of a map.
    pub path: Vec<&'static str>,
    /// Whether it is refused; else it is accepted with a warning.
    pub is_refused: bool,
    /// Why.
    pub reason: &'static str,
}

/// The options of all components that do nothing or are refused, in order of the reference.
#[must_use]
pub fn idle_options() -> Vec<IdleOption> {
    let mut found = Vec::new();
    for kind in PRESENT {
        let mut search = Search {
            component: kind.component,
            path: Vec::new(),
            blocks: Vec::new(),
            found: &mut found,
        };
        search.go_through(&(kind.shape)());
    }
    found
}

/// A walk through the blocks of a component.
struct Search<'a> {
    component: Component,
    path: Vec<&'static str>,
    /// The blocks around this one: blocks may contain themselves.
    blocks: Vec<&'static str>,
    found: &'a mut Vec<IdleOption>,
}

impl Search<'_> {
    fn go_through(&mut self, shape: &Shape) {
        match shape {
            Shape::List(item) => self.below("[]", item),
            Shape::Map(value) => self.below("*", value),
            Shape::Record { name, fields, .. } if !self.blocks.contains(name) => {
                self.blocks.push(name);
                for field in fields() {
                    match field.standing {
                        Standing::Used => self.below(field.key, &field.shape),
                        Standing::Ignored(reason) => self.note(field.key, false, reason),
                        Standing::Refused(reason) => self.note(field.key, true, reason),
                    }
                }
                self.blocks.pop();
            }
            _ => {}
        }
    }

    fn below(&mut self, key: &'static str, shape: &Shape) {
        self.path.push(key);
        self.go_through(shape);
        self.path.pop();
    }

    fn note(&mut self, key: &'static str, is_refused: bool, reason: &'static str) {
        let mut path = self.path.clone();
        path.push(key);
        self.found.push(IdleOption {
            component: self.component,
            path,
            is_refused,
            reason,
        });
    }
}
