//! Attributes that become labels of metrics.

use super::glob::Glob;
use crate::node::Place;
use crate::report::{Cause, Report};
use crate::setting::settings;

settings! {
    /// An attribute, of the span or else of its resource, that becomes an attribute of data points.
    pub struct Dimension {
        /// The attribute's name. This or `glob`.
        name: String = String::new(),
        /// The value where the attribute is missing. Absent: the data point goes without. Not with `glob`.
        default: Option<String> = None,
        /// A pattern of names, all of whose attributes count: `*` ends at a dot, `**` does not.
        glob: String = String::new(),
    }
}

/// Checks a list of dimensions whose names may not be any of `reserved`.
pub(super) fn check_dimensions(
    dimensions: &[Dimension],
    reserved: &[&str],
    mut places: std::vec::IntoIter<Place>,
    whole: &Place,
    report: &mut Report,
) {
    let mut names: Vec<&str> = reserved.to_vec();
    let mut globs: Vec<Glob> = Vec::new();
    for dimension in dimensions {
        let place = places.next().unwrap_or_else(|| whole.clone());
        match (dimension.name.as_str(), dimension.glob.as_str()) {
            ("", "") => {
                let text = "the dimension has neither `name` nor `glob`";
                report.error_at(place, Cause::Missing, text, "add one");
            }
            ("", glob) => globs.extend(check_glob(dimension, glob, place, report)),
            (name, "") => {
                if names.contains(&name) {
                    duplicate(name, place, report);
                }
                names.push(name);
            }
            _ => {
                let text = "the dimension has both `name` and `glob`";
                report.error_at(place, Cause::Contradiction, text, "remove one");
            }
        }
    }
    for glob in &globs {
        for name in names.iter().filter(|name| glob.matches(name.as_bytes())) {
            let text = format!("the dimension `{name}` is among those of the pattern `{glob}`");
            report.error_at(
                whole.clone(),
                Cause::Contradiction,
                text,
                "narrow the pattern",
            );
        }
    }
}

fn check_glob(
    dimension: &Dimension,
    glob: &str,
    place: Place,
    report: &mut Report,
) -> Option<Glob> {
    if dimension.default.is_some() {
        let text = "`default` has no meaning beside `glob`";
        report.error_at(place.clone(), Cause::Contradiction, text, "remove one");
    }
    match Glob::new(glob) {
        Ok(glob) => Some(glob),
        Err(error) => {
            let text = format!("the pattern cannot be read: {error}");
            report.error_at(
                place,
                Cause::BadPattern,
                text,
                "write a backslash before it",
            );
            None
        }
    }
}

/// Says that a dimension is there already.
pub(super) fn duplicate(name: &str, place: Place, report: &mut Report) {
    let text = format!("the dimension `{name}` is there already");
    report.error_at(place, Cause::Contradiction, text, "remove it");
}
