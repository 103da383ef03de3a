//! Batches of `jaeger.thrift`, alone or in a call of an agent.

use super::process::Process;
use super::span::{Log, Reference, ReferenceKind, Span};
use super::tags;
use crate::thrift::{Protocol, ThriftReader, Type};
use crate::translation::{PARTS_MAX, Translation};
use crate::{TranslateError, values};
use tailweir_core::{SpanId, TraceId};
use tailweir_otlp::{AttributeMap, EncodedValue};

/// Adds the spans of a batch.
pub(super) fn batch(request: &[u8], traces: &mut Translation<'_>) -> Result<(), TranslateError> {
    read_batch(&mut ThriftReader::new(Protocol::Binary, request), traces)
}

/// Adds the spans of a call of `emitBatch`, whose argument is a batch.
pub(super) fn call(
    protocol: Protocol,
    request: &[u8],
    traces: &mut Translation<'_>,
) -> Result<(), TranslateError> {
    let mut reader = ThriftReader::new(protocol, request);
    if reader.call()? != b"emitBatch" {
        return Err(TranslateError::Thrift("it is no call of emitBatch"));
    }
    reader.fields(|reader, kind, number| {
        let is_batch = (kind, number) == (Type::Struct, 1);
        if is_batch {
            read_batch(reader, traces)?;
        }
        Ok(is_batch)
    })
}

/// Spans are read when the process is known, which may stand behind them.
fn read_batch(
    reader: &mut ThriftReader<'_>,
    traces: &mut Translation<'_>,
) -> Result<(), TranslateError> {
    let mut process = Process::default();
    let mut spans = None;
    reader.fields(|reader, kind, number| {
        match (kind, number) {
            (Type::Struct, 1) => process = read_process(reader)?,
            (Type::List, 2) => {
                spans = Some(*reader);
                reader.pass(kind, 0)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let Some(mut spans) = spans else {
        return Ok(());
    };
    let resource = traces.resource(&process.resource())?;
    spans.structs(usize::MAX, |reader| {
        read_span(reader)?.write(resource, traces)
    })
}

fn read_process(reader: &mut ThriftReader<'_>) -> Result<Process, TranslateError> {
    let mut process = Process::default();
    reader.fields(|reader, kind, number| {
        match (kind, number) {
            (Type::Binary, 1) => process.service = text(reader)?,
            (Type::List, 2) => process.tags = read_tags(reader)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(process)
}

fn read_span(reader: &mut ThriftReader<'_>) -> Result<Span, TranslateError> {
    let mut span = Span::default();
    let (mut low, mut high, mut start, mut duration) = (0, 0, 0_i64, 0);
    reader.fields(|reader, kind, number| {
        match (kind, number) {
            (Type::I64, 1) => low = reader.i64()?,
            (Type::I64, 2) => high = reader.i64()?,
            (Type::I64, 3) => span.id = SpanId(reader.i64()?.to_be_bytes()),
            (Type::I64, 4) => span.parent = SpanId(reader.i64()?.to_be_bytes()),
            (Type::Binary, 5) => span.name = text(reader)?,
            (Type::List, 6) => span.references = reader.list_of(PARTS_MAX, read_reference)?,
            (Type::I32, 7) => span.flags = reader.i32()? as u32,
            (Type::I64, 8) => start = reader.i64()?,
            (Type::I64, 9) => duration = reader.i64()?,
            (Type::List, 10) => span.tags = read_tags(reader)?,
            (Type::List, 11) => span.logs = reader.list_of(PARTS_MAX, read_log)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    span.trace_id = trace_id(high, low);
    span.start = values::nanoseconds(start);
    span.end = values::nanoseconds(start.saturating_add(duration));
    Ok(span)
}

fn read_reference(reader: &mut ThriftReader<'_>) -> Result<Reference, TranslateError> {
    let (mut kind_number, mut low, mut high, mut id) = (0, 0, 0, 0);
    reader.fields(|reader, kind, number| {
        match (kind, number) {
            (Type::I32, 1) => kind_number = reader.i32()?,
            (Type::I64, 2) => low = reader.i64()?,
            (Type::I64, 3) => high = reader.i64()?,
            (Type::I64, 4) => id = reader.i64()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Reference {
        trace_id: trace_id(high, low),
        id: SpanId(id.to_be_bytes()),
        kind: ReferenceKind::of(kind_number),
    })
}

fn read_log(reader: &mut ThriftReader<'_>) -> Result<Log, TranslateError> {
    let (mut time, mut fields) = (0, AttributeMap::default());
    reader.fields(|reader, kind, number| {
        match (kind, number) {
            (Type::I64, 1) => time = reader.i64()?,
            (Type::List, 2) => fields = read_tags(reader)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Log::of(values::nanoseconds(time), fields))
}

fn read_tags(reader: &mut ThriftReader<'_>) -> Result<AttributeMap, TranslateError> {
    let mut attributes = AttributeMap::default();
    reader.structs(PARTS_MAX, |reader| {
        let (key, value) = read_tag(reader)?;
        tags::put(&mut attributes, key, value);
        Ok(())
    })?;
    Ok(attributes)
}

/// A tag has a field for each type, and says which one counts. One that is not there is empty, zero or false.
fn read_tag<'a>(reader: &mut ThriftReader<'a>) -> Result<(&'a [u8], EncodedValue), TranslateError> {
    let (mut key, mut of_type) = (&b""[..], 0);
    let (mut string, mut binary) = (&b""[..], &b""[..]);
    let (mut double, mut flag, mut long) = (0.0, false, 0);
    reader.fields(|reader, kind, number| {
        match (kind, number) {
            (Type::Binary, 1) => key = reader.binary()?,
            (Type::I32, 2) => of_type = reader.i32()?,
            (Type::Binary, 3) => string = reader.binary()?,
            (Type::Double, 4) => double = reader.double()?,
            (Type::Bool, 5) => flag = reader.bool()?,
            (Type::I64, 6) => long = reader.i64()?,
            (Type::Binary, 7) => binary = reader.binary()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let value = match of_type {
        0 => values::text(string),
        1 => EncodedValue::double(double),
        2 => EncodedValue::bool(flag),
        3 => EncodedValue::int(long),
        4 => EncodedValue::bytes(binary),
        _ => tags::unknown("<UNSET>"),
    };
    Ok((key, value))
}

fn text(reader: &mut ThriftReader<'_>) -> Result<String, TranslateError> {
    Ok(String::from_utf8_lossy(reader.binary()?).into_owned())
}

fn trace_id(high: i64, low: i64) -> TraceId {
    let id = (u128::from(high as u64) << 64) | u128::from(low as u64);
    TraceId(id.to_be_bytes())
}
