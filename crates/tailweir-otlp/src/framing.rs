//! Where records begin and end in a file of requests, as the `file` exporter writes them.

/// How the records of a file of requests follow each other.
///
/// ```
/// use tailweir_otlp::{Framing, Piece};
///
/// let framing = Framing::of(b'{');
/// assert_eq!(framing.next(b"{}\n{", 100), Piece::Record(b"{}", 3));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Each is a line.
    Lines,
    /// Each has its length in front, four bytes, big endian.
    Lengths,
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A record, and how many bytes it takes with its frame.
    Record(&'a [u8], usize),
    /// A record of so many bytes with its frame, all of which are to be passed over.
    TooLarge(u64),
    /// A line whose end is not there yet and that is too large already.
    TooLong,
    /// Less than a record.
    Incomplete,
}

impl Framing {
    /// Told by the first byte of a file: that of a length would have to be above two billions to be a brace.
    #[must_use]
    pub fn of(first: u8) -> Self {
        match first {
            b'{' | b' ' | b'\t' | b'\r' | b'\n' => Self::Lines,
            _ => Self::Lengths,
        }
    }

    /// The next piece. Records of more than `max` bytes are too large.
    #[must_use]
    pub fn next(self, bytes: &[u8], max: usize) -> Piece<'_> {
        match self {
            Self::Lines => match bytes.iter().position(|byte| *byte == b'\n') {
                Some(end) if end > max => Piece::TooLarge(end as u64 + 1),
                Some(end) => Piece::Record(bytes[..end].trim_ascii(), end + 1),
                None if bytes.len() > max => Piece::TooLong,
                None => Piece::Incomplete,
            },
            Self::Lengths => {
                let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
                    return Piece::Incomplete;
                };
                let length = u32::from_be_bytes(*length) as usize;
                if length > max {
                    return Piece::TooLarge(length as u64 + 4);
                }
                match rest.get(..length) {
                    Some(record) => Piece::Record(record, length + 4),
                    None => Piece::Incomplete,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Framing, Piece};

    /// Scenario: lines and lengths, whole, cut short, empty and too large.
    /// Guarantees: a record is given when all of it is there, and what is too large is told at once.
    #[test]
    fn records_are_told_apart() {
        let lines = Framing::of(b'{');
        assert_eq!(lines.next(b"{} \n{", 9), Piece::Record(b"{}", 4));
        assert_eq!(lines.next(b"{", 9), Piece::Incomplete);
        assert_eq!(lines.next(b"{123}\n", 4), Piece::TooLarge(6));
        assert_eq!(lines.next(b"{1234", 4), Piece::TooLong);
        let lengths = Framing::of(0);
        assert_eq!(lengths.next(b"\0\0\0\x02ab\0", 9), Piece::Record(b"ab", 6));
        assert_eq!(lengths.next(b"\0\0\0\x02a", 9), Piece::Incomplete);
        assert_eq!(lengths.next(b"\0\0\0", 9), Piece::Incomplete);
        assert_eq!(
            lengths.next(b"\xff\xff\xff\xff", 9),
            Piece::TooLarge((1 << 32) + 3)
        );
    }
}
