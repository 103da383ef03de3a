//! The `exceptions` connector.

use super::dimension::duplicate;
use crate::report::Report;
use crate::setting::{Block, settings};

settings! {
    /// An attribute of the span, of the event, or of the resource.
    pub struct ExceptionsDimension {
        /// The attribute's name.
        name: String = String::new(),
        /// The value where the attribute is missing. Absent: the dimension is left out.
        default: Option<String> = None,
    }
}

settings! {
    /// Traces that stand as examples beside data points.
    pub struct ExceptionsExemplars {
        /// Keep exemplars.
        enabled: bool = false,
    }
}

settings! {
    /// Makes metrics and log records of the exceptions that spans recorded as events.
    pub struct ExceptionsConnector {
        /// Further dimensions.
        dimensions: Vec<ExceptionsDimension> = vec![
            ExceptionsDimension { name: "exception.type".to_owned(), default: None },
            ExceptionsDimension { name: "exception.message".to_owned(), default: None },
        ],
        /// Traces that stand as examples.
        exemplars: ExceptionsExemplars = ExceptionsExemplars::default(),
    }
    rules exceptions_rules;
}

fn exceptions_rules(
    connector: &mut ExceptionsConnector,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    let mut names = vec!["service.name", "span.kind", "span.name", "status.code"];
    let mut places = block.items("dimensions");
    for dimension in &connector.dimensions {
        let place = places.next().unwrap_or_else(|| block.at("dimensions"));
        if names.contains(&dimension.name.as_str()) {
            duplicate(&dimension.name, place, report);
        }
        names.push(&dimension.name);
    }
}
