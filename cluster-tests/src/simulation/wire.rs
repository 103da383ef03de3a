//! Letters and answers as the bytes that processes exchange.

use super::traffic::SLOT_SEED;
use bytes::Bytes;
use prost::Message as _;
use std::fmt;
use tailweir_proto::peer;
use tailweir_shard::{Answer, Piece, Ruled};
use tailweir_tenure::Message;
use tailweir_wire::{
    Letter, Part, Said, WireError, read_letter, read_said, write_letters, write_said,
};

/// Letters are small, so that messages which were written together are often apart.
const LETTER_SIZE: usize = 4 << 10;

/// Messages of the sampler of this name, in as many letters as it takes.
pub(crate) fn write(sampler: &str, messages: Vec<Message<Piece, Ruled>>) -> Vec<Bytes> {
    let letters = write_letters(sampler, messages, LETTER_SIZE);
    let letters = letters.into_iter();
    letters
        .map(|(letter, _)| letter.encode_to_vec().into())
        .collect()
}

/// A letter.
pub(crate) fn read(letter: Bytes) -> Result<Letter, Unreadable> {
    let letter = peer::Letter::decode(letter)?;
    Ok(read_letter(letter)?)
}

/// A part of a request of logs.
pub(crate) fn write_part(part: Part) -> Bytes {
    tailweir_wire::write_part(part).encode_to_vec().into()
}

/// A part of a request of logs.
pub(crate) fn read_part(part: Bytes) -> Result<Part, Unreadable> {
    let part = peer::Part::decode(part)?;
    Ok(tailweir_wire::read_part(part)?)
}

/// An answer about a part. (What it is about is not in the simulation's hands.)
pub(crate) fn write_answer(answer: Answer) -> Bytes {
    let answer = write_said(0, Said::Answered(answer));
    answer.encode_to_vec().into()
}

/// What is said about a part.
pub(crate) fn read_answer(answer: Bytes) -> Result<Said, Unreadable> {
    let answer = peer::PartAnswer::decode(answer)?;
    let (_, said) = read_said(&answer, SLOT_SEED)?;
    Ok(said)
}

/// What one process wrote, and another cannot read.
#[derive(Debug)]
pub(crate) struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<prost::DecodeError> for Unreadable {
    fn from(error: prost::DecodeError) -> Self {
        Self(error.to_string())
    }
}

impl From<WireError> for Unreadable {
    fn from(error: WireError) -> Self {
        Self(error.to_string())
    }
}
