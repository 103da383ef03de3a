//! JSON to the wire.
//!
//! On the wire a length stands before its message, and in JSON it is known only after. So contents are
//! written first without lengths, each message noting where its length belongs, and then copied once
//! with the lengths put in.

use super::reader::Reader;
use super::{JsonError, number};
use crate::Room;
use crate::schema::{FieldType, Kind, Message};
use crate::wire::{DEPTH_MAX, put_bytes, put_key, put_varint, varint_size, zigzag32};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::ops::Range;

/// What a nested message takes in text, at least, on average: in real ones an element of a list of numbers is the
/// shortest, with 14 bytes (`{"intValue":1}`).
const TEXT_MIN: usize = 8;
/// So many nested messages may be shorter.
const SHORT_MAX: usize = 64 << 10;

/// Reads one request and appends its wire form to `out`.
pub(super) fn transcode<'a>(
    message: &'static Message,
    json: &[u8],
    out: &mut Vec<u8>,
    room: &'a mut Room<'a>,
) -> Result<(), JsonError> {
    let mut decoder = Decoder {
        room,
        granted: 0,
        reader: Reader::new(json),
        contents: Vec::with_capacity(json.len() / 2),
        lengths: Vec::new(),
        lengths_max: json.len() / TEXT_MIN + SHORT_MAX,
        text: Vec::new(),
    };
    let inserted = decoder.message(message, 0)?;
    let length = decoder.contents.len() + inserted;
    decoder.need(length)?;
    out.reserve(length);
    let mut copied = 0;
    for length in &decoder.lengths {
        let at = length.at as usize;
        out.extend_from_slice(&decoder.contents[copied..at]);
        put_varint(out, length.value.into());
        copied = at;
    }
    out.extend_from_slice(&decoder.contents[copied..]);
    Ok(())
}

/// A length that is missing from the contents. Every nested message has one, so it is kept small.
struct Length {
    at: u32,
    value: u32,
}

struct Decoder<'text, 'room> {
    room: &'room mut Room<'room>,
    /// Bytes for which there is room.
    granted: usize,
    reader: Reader<'text>,
    contents: Vec<u8>,
    lengths: Vec<Length>,
    lengths_max: usize,
    text: Vec<u8>,
}

/// An alternative of a `oneof` that was written, in case another one replaces it.
struct Alternative {
    contents: Range<usize>,
    lengths: Range<usize>,
    inserted: usize,
}

impl Decoder<'_, '_> {
    /// Reads an object, or `null` for an empty message. Returns how many bytes of lengths belong in it.
    fn message(&mut self, message: &'static Message, depth: u32) -> Result<usize, JsonError> {
        if depth > DEPTH_MAX {
            return Err(self
                .reader
                .error("lists and maps nested more than 64 levels deep"));
        }
        if self.reader.take_null()? {
            return Ok(0);
        }
        self.reader.expect(b'{', "expected an object")?;
        if self.reader.take(b'}') {
            return Ok(0);
        }
        let mut inserted = 0;
        let mut alternative: Option<Alternative> = None;
        loop {
            self.need(0)?;
            let field = self.key(message)?;
            if field.is_some_and(FieldType::is_alternative_message) {
                inserted -= self.withdraw(alternative.take());
            }
            let contents_start = self.contents.len();
            let lengths_start = self.lengths.len();
            let added = match field {
                Some(field) => self.field(field, depth)?,
                None => self.reader.skip(&mut self.text).map(|()| 0)?,
            };
            inserted += added;
            if field.is_some_and(FieldType::is_alternative_message) {
                alternative = Some(Alternative {
                    contents: contents_start..self.contents.len(),
                    lengths: lengths_start..self.lengths.len(),
                    inserted: added,
                });
            }
            if !self.reader.take(b',') {
                self.reader
                    .expect(b'}', "expected a comma or the end of an object")?;
                return Ok(inserted);
            }
        }
    }

    /// Takes out an alternative that another one replaces: on the wire two of them would be merged.
    fn withdraw(&mut self, alternative: Option<Alternative>) -> usize {
        let Some(alternative) = alternative else {
            return 0;
        };
        let removed = alternative.contents.len();
        self.contents.drain(alternative.contents);
        for length in &mut self.lengths[alternative.lengths.end..] {
            length.at -= removed as u32;
        }
        self.lengths.drain(alternative.lengths);
        alternative.inserted
    }

    /// Asks for what is taken by now, and for more bytes.
    fn need(&mut self, more: usize) -> Result<(), JsonError> {
        let lengths = self.lengths.capacity() * size_of::<Length>();
        let wanted = self.contents.capacity() + lengths + more;
        if wanted > self.granted {
            if !(self.room)(wanted) {
                return Err(self.reader.error("no memory for what it becomes"));
            }
            self.granted = wanted;
        }
        Ok(())
    }

    /// Reads a name and its colon.
    fn key(&mut self, message: &'static Message) -> Result<Option<&'static FieldType>, JsonError> {
        self.text.clear();
        self.reader.string(&mut self.text)?;
        self.reader.expect(b':', "expected a colon")?;
        Ok(message.named(&self.text))
    }

    /// Reads the value of a field: one, or a list where it may repeat.
    fn field(&mut self, field: &'static FieldType, depth: u32) -> Result<usize, JsonError> {
        if !field.repeated {
            return self.value(field, depth);
        }
        if self.reader.take_null()? {
            return Ok(0);
        }
        self.reader.expect(b'[', "expected a list")?;
        if self.reader.take(b']') {
            return Ok(0);
        }
        if matches!(field.kind, Kind::Message(_) | Kind::String) {
            return self.elements(|decoder| decoder.value(field, depth));
        }
        self.delimited(field.number, |decoder| {
            decoder.elements(|decoder| decoder.scalar(field).map(|()| 0))
        })
    }

    /// The elements of a list, up to its end.
    fn elements(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<usize, JsonError>,
    ) -> Result<usize, JsonError> {
        let mut inserted = 0;
        loop {
            self.need(0)?;
            inserted += element(self)?;
            if !self.reader.take(b',') {
                self.reader
                    .expect(b']', "expected a comma or the end of a list")?;
                return Ok(inserted);
            }
        }
    }

    /// Writes a length-delimited field whose content `write` writes.
    fn delimited(
        &mut self,
        number: u32,
        write: impl FnOnce(&mut Self) -> Result<usize, JsonError>,
    ) -> Result<usize, JsonError> {
        put_key(&mut self.contents, number, 2);
        let index = self.lengths.len();
        if index >= self.lengths_max {
            return Err(self
                .reader
                .error("more than one message in 8 bytes, leave out those that are empty"));
        }
        let start = self.contents.len();
        let at = self.offset(start)?;
        self.lengths.push(Length { at, value: 0 });
        let inserted = write(self)?;
        let value = self.offset(self.contents.len() - start + inserted)?;
        self.lengths[index].value = value;
        Ok(inserted + varint_size(value.into()))
    }

    fn offset(&self, offset: usize) -> Result<u32, JsonError> {
        let too_long = "more than 4 GiB of protobuf, send smaller requests";
        u32::try_from(offset).map_err(|_| self.reader.error(too_long))
    }

    fn value(&mut self, field: &'static FieldType, depth: u32) -> Result<usize, JsonError> {
        match field.kind {
            Kind::Message(message) => {
                return self.delimited(field.number, |decoder| decoder.message(message, depth + 1));
            }
            Kind::String => {
                self.text.clear();
                if !self.reader.take_null()? {
                    self.reader.string(&mut self.text)?;
                }
                put_bytes(&mut self.contents, field.number, &self.text);
            }
            Kind::Bytes => {
                let bytes = self.base64()?;
                put_bytes(&mut self.contents, field.number, &bytes);
            }
            Kind::Id(length) => self.id(field.number, length)?,
            kind => {
                put_key(&mut self.contents, field.number, kind.wire_type());
                self.scalar(field)?;
            }
        }
        Ok(0)
    }

    /// A number, boolean or enum, without its tag.
    fn scalar(&mut self, field: &FieldType) -> Result<(), JsonError> {
        let (reader, text) = (&mut self.reader, &mut self.text);
        let value = match field.kind {
            Kind::Bool => u64::from(reader.boolean()?),
            Kind::Int64 => number::integer::<i64>(reader, text)? as u64,
            Kind::Sint32 => zigzag32(number::integer(reader, text)?),
            Kind::Uint32 | Kind::Fixed32 => u64::from(number::unsigned::<u32>(reader, text)?),
            Kind::Uint64 | Kind::Fixed64 => number::unsigned(reader, text)?,
            Kind::Sfixed64 => number::integer::<i64>(reader, text)? as u64,
            Kind::Double => number::double(reader, text)?.to_bits(),
            Kind::Enum(names) => enumerated(reader, text, names)? as u64,
            Kind::String | Kind::Bytes | Kind::Id(_) | Kind::Message(_) => 0,
        };
        match field.kind.wire_type() {
            1 => self.contents.extend_from_slice(&value.to_le_bytes()),
            5 => self
                .contents
                .extend_from_slice(&(value as u32).to_le_bytes()),
            _ => put_varint(&mut self.contents, value),
        }
        Ok(())
    }

    fn base64(&mut self) -> Result<Vec<u8>, JsonError> {
        self.text.clear();
        self.reader.string(&mut self.text)?;
        let decoded = STANDARD.decode(&self.text);
        decoded.map_err(|_| self.reader.error("expected base64 with its padding"))
    }

    /// Hexadecimal digits of either case, as many as the id has, or none.
    fn id(&mut self, number: u32, length: usize) -> Result<(), JsonError> {
        self.text.clear();
        self.reader.string(&mut self.text)?;
        if !self.text.is_empty() && self.text.len() != 2 * length {
            return Err(self.reader.error("id of a wrong length"));
        }
        put_key(&mut self.contents, number, 2);
        put_varint(&mut self.contents, self.text.len() as u64 / 2);
        for pair in self.text.chunks_exact(2) {
            let digit = |index: usize| char::from(pair[index]).to_digit(16);
            let (Some(high), Some(low)) = (digit(0), digit(1)) else {
                return Err(self.reader.error("id that is not hexadecimal"));
            };
            self.contents.push((high << 4 | low) as u8);
        }
        Ok(())
    }
}

/// A number, or the full name of one. Negative and unknown numbers are kept.
fn enumerated(
    reader: &mut Reader<'_>,
    text: &mut Vec<u8>,
    names: &[&str],
) -> Result<i64, JsonError> {
    if reader.peek() != Some(b'"') {
        return number::bare_integer(reader).map(i64::from);
    }
    text.clear();
    reader.string(text)?;
    let position = names
        .iter()
        .position(|name| name.as_bytes() == text.as_slice());
    position
        .map(|position| position as i64)
        .ok_or_else(|| reader.error("unknown name of an enum"))
}

#[cfg(test)]
mod tests {
    use super::{Length, SHORT_MAX, TEXT_MIN};
    use crate::json::to_wire;
    use tailweir_core::Signal;

    /// Scenario: two hundred thousand messages in three bytes each, and half as many numbers in a list, as short as they are
    /// written.
    /// Guarantees: the messages are refused where their lengths would take more than the text; the numbers are taken.
    #[test]
    fn lengths_take_no_more_memory_than_the_text() {
        let mut out = Vec::new();
        let messages = format!(r#"{{"resourceSpans":[{}{{}}]}}"#, "{},".repeat(200_000));
        let refused = to_wire(Signal::Traces, messages.as_bytes(), &mut out).unwrap_err();
        assert!(refused.problem.contains("in 8 bytes"), "{refused}");
        let most = messages.len() / TEXT_MIN + SHORT_MAX;
        assert!(refused.at <= 3 * most + 32, "{refused}");
        assert!(size_of::<Length>() <= TEXT_MIN && out.is_empty());

        let numbers = format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"k","value":{{"arrayValue":{{"values":[{}{{}}]}}}}}}]}}}}]}}"#,
            r#"{"intValue":1},"#.repeat(100_000)
        );
        to_wire(Signal::Traces, numbers.as_bytes(), &mut out).unwrap();
        assert!(out.len() > 400_000);
    }
}
