//! Thrift's binary and compact protocols, read out of bytes that are there: nothing is allocated before it is
//! known to be there, and nothing is nested without end.

mod protocol;

use crate::TranslateError;
pub(crate) use protocol::{Protocol, Type};

/// What is passed over is nested this deep at most.
const DEPTH_MAX: u32 = 16;

/// Reads on and on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThriftReader<'a> {
    rest: &'a [u8],
    protocol: Protocol,
    /// What the head of a field of the compact protocol already said.
    flag: Option<bool>,
}

impl<'a> ThriftReader<'a> {
    pub(crate) const fn new(protocol: Protocol, bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            protocol,
            flag: None,
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], TranslateError> {
        let taken = self.rest.split_at_checked(length);
        let (taken, rest) = taken.ok_or(CUT_OFF)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], TranslateError> {
        let taken = self.take(N)?.first_chunk::<N>();
        taken.copied().ok_or(CUT_OFF)
    }

    fn byte(&mut self) -> Result<u8, TranslateError> {
        Ok(self.array::<1>()?[0])
    }

    fn varint(&mut self) -> Result<u64, TranslateError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(TranslateError::Thrift("a number is too long"))
    }

    /// A signed number, which the compact protocol writes with its sign in the last bit.
    fn zigzag(&mut self) -> Result<i64, TranslateError> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub(crate) fn bool(&mut self) -> Result<bool, TranslateError> {
        match self.flag.take() {
            Some(flag) => Ok(flag),
            None => Ok(self.byte()? == 1),
        }
    }

    pub(crate) fn i16(&mut self) -> Result<i16, TranslateError> {
        match self.protocol {
            Protocol::Binary => Ok(i16::from_be_bytes(self.array()?)),
            Protocol::Compact => Ok(self.zigzag()? as i16),
        }
    }

    pub(crate) fn i32(&mut self) -> Result<i32, TranslateError> {
        match self.protocol {
            Protocol::Binary => Ok(i32::from_be_bytes(self.array()?)),
            Protocol::Compact => Ok(self.zigzag()? as i32),
        }
    }

    pub(crate) fn i64(&mut self) -> Result<i64, TranslateError> {
        match self.protocol {
            Protocol::Binary => Ok(i64::from_be_bytes(self.array()?)),
            Protocol::Compact => self.zigzag(),
        }
    }

    pub(crate) fn double(&mut self) -> Result<f64, TranslateError> {
        let bytes = self.array()?;
        Ok(match self.protocol {
            Protocol::Binary => f64::from_be_bytes(bytes),
            Protocol::Compact => f64::from_le_bytes(bytes),
        })
    }

    /// Text or bytes.
    pub(crate) fn binary(&mut self) -> Result<&'a [u8], TranslateError> {
        let length = self.length()?;
        self.take(length)
    }

    fn length(&mut self) -> Result<usize, TranslateError> {
        let length = match self.protocol {
            Protocol::Binary => usize::try_from(self.i32()?).ok(),
            Protocol::Compact => usize::try_from(self.varint()?).ok(),
        };
        length.ok_or(TranslateError::Thrift("a length is negative or too large"))
    }

    /// The head of a call: its name. What follows is a struct of its arguments.
    pub(crate) fn call(&mut self) -> Result<&'a [u8], TranslateError> {
        match self.protocol {
            Protocol::Binary => {
                let start = self.i32()?;
                // With the version in front, the name comes next; without, its length was that number.
                let name = match usize::try_from(start) {
                    Ok(length) => {
                        let name = self.take(length)?;
                        self.byte()?;
                        name
                    }
                    Err(_) if start as u32 >> 16 == 0x8001 => self.binary()?,
                    Err(_) => return Err(NO_CALL),
                };
                self.i32()?;
                Ok(name)
            }
            Protocol::Compact => {
                let [protocol, version] = self.array()?;
                if protocol != 0x82 || version & 0x1f != 1 {
                    return Err(NO_CALL);
                }
                self.varint()?;
                self.binary()
            }
        }
    }

    /// The head of a list: the type of its elements and their number, which the bytes that are left can hold.
    pub(crate) fn list(&mut self) -> Result<(Type, usize), TranslateError> {
        let head = self.byte()?;
        let (kind, count) = match self.protocol {
            Protocol::Binary => (head, self.length()?),
            Protocol::Compact if head >> 4 == 15 => (head & 15, self.length()?),
            Protocol::Compact => (head & 15, (head >> 4).into()),
        };
        if count == 0 {
            return Ok((Type::Byte, 0));
        }
        let kind = self.protocol.type_of(kind)?;
        self.require(count, self.protocol.length_min(kind))?;
        Ok((kind, count))
    }

    fn require(&self, count: usize, each: usize) -> Result<(), TranslateError> {
        match count.checked_mul(each) {
            Some(length) if length <= self.rest.len() => Ok(()),
            _ => Err(CUT_OFF),
        }
    }

    /// The head of a field that comes after the one of this number: its type and number. Nothing at the end of
    /// the struct.
    fn field(&mut self, previous: i16) -> Result<Option<(Type, i16)>, TranslateError> {
        let head = self.byte()?;
        if head == 0 {
            return Ok(None);
        }
        let (kind, number) = match self.protocol {
            Protocol::Binary => (head, self.i16()?),
            Protocol::Compact if head >> 4 == 0 => (head & 15, self.i16()?),
            Protocol::Compact => (head & 15, previous.wrapping_add(i16::from(head >> 4))),
        };
        let kind = self.protocol.type_of(kind)?;
        self.flag =
            (self.protocol == Protocol::Compact && kind == Type::Bool).then_some(head & 15 == 1);
        Ok(Some((kind, number)))
    }

    /// Reads a struct: `read` takes the fields that it knows, by type and number, and says whether it did.
    pub(crate) fn fields(
        &mut self,
        mut read: impl FnMut(&mut Self, Type, i16) -> Result<bool, TranslateError>,
    ) -> Result<(), TranslateError> {
        let mut previous = 0;
        while let Some((kind, number)) = self.field(previous)? {
            if !read(self, kind, number)? {
                self.pass(kind, 0)?;
            }
            previous = number;
        }
        Ok(())
    }

    /// Reads a list of structs, `most` at most; passes over lists of anything else.
    pub(crate) fn structs(
        &mut self,
        most: usize,
        mut read: impl FnMut(&mut Self) -> Result<(), TranslateError>,
    ) -> Result<(), TranslateError> {
        let (kind, count) = self.list()?;
        if count > most {
            return Err(TranslateError::TooMany { most });
        }
        for _ in 0..count {
            match kind {
                Type::Struct => read(self)?,
                kind => self.pass(kind, 0)?,
            }
        }
        Ok(())
    }

    /// What stands in a list of structs, `most` at most. A field that comes again has the last list alone, as in readers that
    /// thrift generates: a span that kept all of them would have no end.
    pub(crate) fn list_of<T>(
        &mut self,
        most: usize,
        read: impl Fn(&mut Self) -> Result<T, TranslateError>,
    ) -> Result<Vec<T>, TranslateError> {
        let mut list = Vec::new();
        self.structs(most, |reader| {
            list.push(read(reader)?);
            Ok(())
        })?;
        Ok(list)
    }

    /// Passes over a value.
    pub(crate) fn pass(&mut self, kind: Type, depth: u32) -> Result<(), TranslateError> {
        if depth > DEPTH_MAX {
            return Err(TranslateError::Thrift("it is nested too deep"));
        }
        match kind {
            Type::Bool => drop(self.bool()?),
            Type::Byte => drop(self.byte()?),
            Type::Double => drop(self.double()?),
            Type::I16 => drop(self.i16()?),
            Type::I32 => drop(self.i32()?),
            Type::I64 => drop(self.i64()?),
            Type::Binary => drop(self.binary()?),
            Type::Struct => {
                let mut previous = 0;
                while let Some((kind, number)) = self.field(previous)? {
                    self.pass(kind, depth + 1)?;
                    previous = number;
                }
            }
            Type::List => {
                let (kind, count) = self.list()?;
                for _ in 0..count {
                    self.pass(kind, depth + 1)?;
                }
            }
            Type::Map => self.pass_map(depth)?,
        }
        Ok(())
    }

    fn pass_map(&mut self, depth: u32) -> Result<(), TranslateError> {
        let (key, value, count) = match self.protocol {
            Protocol::Binary => (self.byte()?, self.byte()?, self.length()?),
            Protocol::Compact => match self.length()? {
                0 => return Ok(()),
                count => {
                    let kinds = self.byte()?;
                    (kinds >> 4, kinds & 15, count)
                }
            },
        };
        if count == 0 {
            return Ok(());
        }
        let protocol = self.protocol;
        let (key, value) = (protocol.type_of(key)?, protocol.type_of(value)?);
        self.require(count, protocol.length_min(key) + protocol.length_min(value))?;
        for _ in 0..count {
            self.pass(key, depth + 1)?;
            self.pass(value, depth + 1)?;
        }
        Ok(())
    }
}

const CUT_OFF: TranslateError = TranslateError::Thrift("it is cut off");
const NO_CALL: TranslateError = TranslateError::Thrift("it is no call");

#[cfg(test)]
mod tests;
