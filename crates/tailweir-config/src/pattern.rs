//! Regular expressions of the configuration, checked before anything starts.

use crate::node::Place;
use crate::report::{Cause, Report};
use regex::Regex;

/// The compiled expression; a mistake in it is reported.
pub(crate) fn check(pattern: &str, place: Place, report: &mut Report) -> Option<Regex> {
    match Regex::new(pattern) {
        Ok(regex) => Some(regex),
        Err(error) => {
            let problem = match &error {
                regex::Error::CompiledTooBig(limit) => format!("it is larger than {limit} bytes"),
                _ => last_line(&error.to_string()),
            };
            let text = format!("the regular expression does not compile: {problem}");
            let help = "expressions are those of RE2: no look-around, no back-references";
            report.error_at(place, Cause::BadPattern, text, help);
            None
        }
    }
}

/// The sentence of an error that shows the expression with a caret first.
fn last_line(error: &str) -> String {
    let line = error.lines().last().unwrap_or_default().trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
