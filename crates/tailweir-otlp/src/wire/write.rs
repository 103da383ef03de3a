//! Writing fields.

/// How many bytes a varint takes, 1 to 10.
#[inline]
pub(crate) fn varint_size(value: u64) -> usize {
    // Seven bits a byte; `| 1` because zero takes one byte.
    let bits = u64::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

/// Size of a length-delimited field whose tag takes one byte (field numbers 1 to 15).
#[inline]
pub(crate) fn length_delimited_size(content: usize) -> usize {
    1 + varint_size(content as u64) + content
}

#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes a tag.
#[inline]
pub(crate) fn put_key(out: &mut Vec<u8>, number: u32, wire_type: u8) {
    put_varint(out, u64::from(number) << 3 | u64::from(wire_type));
}

/// Writes a length-delimited field.
#[inline]
pub(crate) fn put_bytes(out: &mut Vec<u8>, number: u32, content: &[u8]) {
    if number < 16 && content.len() < 0x80 {
        // Tag and length take a byte each, nearly always: written together.
        out.extend_from_slice(&[(number << 3 | 2) as u8, content.len() as u8]);
    } else {
        put_key(out, number, 2);
        put_varint(out, content.len() as u64);
    }
    out.extend_from_slice(content);
}

/// The zigzag form of a signed number (`sint32`).
#[inline]
pub(crate) fn zigzag32(value: i32) -> u64 {
    u64::from(((value << 1) ^ (value >> 31)) as u32)
}

/// The number of this zigzag form.
#[inline]
pub(crate) fn unzigzag32(value: u64) -> i32 {
    let value = value as u32;
    (value >> 1) as i32 ^ -((value & 1) as i32)
}
