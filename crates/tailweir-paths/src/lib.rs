//! OTTL paths over OTLP bytes: what span.attributes["x"] means.
