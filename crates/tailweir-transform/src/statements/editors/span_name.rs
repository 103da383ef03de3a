//! `set_semconv_span_name`: the name that the semantic conventions give a span.

use super::{Given, OwnEditor, Stage};
use tailweir_otlp::{Attributes, EncodedValue, SpanView, field};
use tailweir_ottl::EvaluationError;
use tailweir_paths::value_of;

/// The conventions that it knows.
const VERSION: &str = "1.37.0";

const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const PRODUCER: i32 = 4;
const CONSUMER: i32 = 5;

pub(super) fn prepare(given: &Given<'_>) -> Result<OwnEditor, (usize, String)> {
    let version = given.text_or(0, "");
    if version != VERSION {
        return Err((
            0,
            format!("conventions {version} are not known; write \"{VERSION}\""),
        ));
    }
    let original = given.text(1);
    if original.as_deref() == Some("") {
        return Err((
            1,
            "the attribute for the name before needs a name".to_owned(),
        ));
    }
    Ok(OwnEditor::SpanName { original })
}

/// Gives the span its name, and puts the one before into an attribute.
pub(super) fn set(stage: &mut Stage<'_>, original: Option<&str>) -> Result<(), EvaluationError> {
    let span = SpanView(&stage.draft.whole);
    let Some(name) = name(span).filter(|name| name.as_bytes() != span.name()) else {
        return Ok(());
    };
    let mut renamed = field::SPAN_NAME.with_bytes(span.0, name.as_bytes());
    if let Some(original) = original {
        let mut list = field::SPAN_ATTRIBUTES.attributes(&renamed);
        list.put(original.as_bytes(), &EncodedValue::string(span.name()));
        let whole = field::SPAN_ATTRIBUTES.with_attributes(&renamed, &list);
        drop(list);
        renamed = whole;
    }
    let grown = renamed.len().saturating_sub(span.0.len());
    stage.draft.whole = renamed.into();
    stage.draft.take_room(grown)
}

/// The name; nothing where no convention gives one.
fn name(span: SpanView<'_>) -> Option<String> {
    let attributes = span.attributes();
    match span.kind() {
        SERVER => http(attributes, "http.route")
            .or_else(|| rpc(attributes))
            .or_else(|| messaging(attributes)),
        CLIENT => http(attributes, "url.template")
            .or_else(|| rpc(attributes))
            .or_else(|| database(attributes))
            .or_else(|| messaging(attributes)),
        PRODUCER | CONSUMER => messaging(attributes),
        _ => None,
    }
    .filter(|name| !name.is_empty())
}

/// The first of these attributes that is there, as text.
fn first(attributes: Attributes<'_>, keys: &[&str]) -> Option<String> {
    let found = keys.iter().find_map(|key| attributes.get(key.as_bytes()));
    found.map(|value| value_of(value).to_text())
}

fn is_true(attributes: Attributes<'_>, key: &str) -> bool {
    attributes.get(key.as_bytes()) == Some(tailweir_otlp::AnyValue::Bool(true))
}

fn http(attributes: Attributes<'_>, subject: &str) -> Option<String> {
    let method = first(attributes, &["http.request.method", "http.method"])?;
    Some(match first(attributes, &[subject]) {
        Some(subject) => format!("{method} {subject}"),
        None => method,
    })
}

fn rpc(attributes: Attributes<'_>) -> Option<String> {
    let system = first(attributes, &["rpc.system"])?;
    let method = first(attributes, &["rpc.method", "rpc.grpc.method"]);
    let service = first(attributes, &["rpc.service", "rpc.grpc.service"]);
    Some(match (service, method) {
        (Some(service), Some(method)) => format!("{service}/{method}"),
        (None, Some(method)) => method,
        (Some(service), None) => format!("{service}/*"),
        (None, None) => system,
    })
}

fn database(attributes: Attributes<'_>) -> Option<String> {
    let system = first(attributes, &["db.system.name", "db.system"])?;
    if let Some(summary) = first(attributes, &["db.query.summary"]) {
        return Some(summary);
    }
    let not_empty = |text: &String| !text.is_empty();
    let operation = first(attributes, &["db.operation.name", "db.operation"]).filter(not_empty);
    let target = database_target(attributes).filter(not_empty);
    Some(match (operation, target) {
        (Some(operation), Some(target)) => format!("{operation} {target}"),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => system,
    })
}

fn database_target(attributes: Attributes<'_>) -> Option<String> {
    let namespace = first(attributes, &["db.namespace", "db.name"]).filter(|text| !text.is_empty());
    let object = first(
        attributes,
        &["db.collection.name", "db.stored_procedure.name"],
    );
    match (namespace, object) {
        (Some(namespace), Some(object)) => Some(format!("{namespace}.{object}")),
        (None, Some(only)) | (Some(only), None) => Some(only),
        (None, None) => server(attributes),
    }
}

fn server(attributes: Attributes<'_>) -> Option<String> {
    let address = first(attributes, &["server.address"])?;
    Some(match first(attributes, &["server.port"]) {
        Some(port) => format!("{address}:{port}"),
        None => address,
    })
}

fn messaging(attributes: Attributes<'_>) -> Option<String> {
    let system = first(attributes, &["messaging.system"])?;
    let operation = first(
        attributes,
        &["messaging.operation.name", "messaging.operation"],
    );
    let destination = destination(attributes).filter(|text| !text.is_empty());
    Some(match (operation, destination) {
        (Some(operation), Some(destination)) => format!("{operation} {destination}"),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => system,
    })
}

fn destination(attributes: Attributes<'_>) -> Option<String> {
    if is_true(attributes, "messaging.destination.temporary") {
        return Some("(temporary)".to_owned());
    }
    if is_true(attributes, "messaging.destination.anonymous") {
        return Some("(anonymous)".to_owned());
    }
    let names = [
        "messaging.destination.template",
        "messaging.destination.name",
        "messaging.destination",
    ];
    first(attributes, &names).or_else(|| server(attributes))
}
