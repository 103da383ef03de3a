//! MurmurHash3 by Austin Appleby (public domain), seed 0: x86 with 32 bits, x64 with 128 bits.

/// The 32-bit hash.
pub(super) fn sum_32(data: &[u8]) -> u32 {
    let scramble = |word: u32| {
        word.wrapping_mul(0xcc9e_2d51)
            .rotate_left(15)
            .wrapping_mul(0x1b87_3593)
    };
    let blocks = data.chunks_exact(4);
    let tail = blocks.remainder();
    let mut hash = 0_u32;
    for block in blocks {
        hash ^= scramble(little_endian(block) as u32);
        hash = hash
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64);
    }
    if !tail.is_empty() {
        hash ^= scramble(little_endian(tail) as u32);
    }
    hash ^= data.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

/// The two halves of the 128-bit hash.
pub(super) fn sum_128(data: &[u8]) -> (u64, u64) {
    const C1: u64 = 0x87c3_7b91_1142_53d5;
    const C2: u64 = 0x4cf5_ad43_2745_937f;
    let scramble_low = |word: u64| word.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2);
    let scramble_high = |word: u64| word.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1);
    let blocks = data.chunks_exact(16);
    let tail = blocks.remainder();
    let (mut low, mut high) = (0_u64, 0_u64);
    for block in blocks {
        low ^= scramble_low(little_endian(&block[..8]));
        low = low
            .rotate_left(27)
            .wrapping_add(high)
            .wrapping_mul(5)
            .wrapping_add(0x52dc_e729);
        high ^= scramble_high(little_endian(&block[8..]));
        high = high
            .rotate_left(31)
            .wrapping_add(low)
            .wrapping_mul(5)
            .wrapping_add(0x3849_5ab5);
    }
    let (first, second) = tail.split_at(tail.len().min(8));
    high ^= scramble_high(little_endian(second));
    low ^= scramble_low(little_endian(first));
    low ^= data.len() as u64;
    high ^= data.len() as u64;
    low = low.wrapping_add(high);
    high = high.wrapping_add(low);
    low = finish(low);
    high = finish(high);
    low = low.wrapping_add(high);
    (low, high.wrapping_add(low))
}

fn finish(mut word: u64) -> u64 {
    word = (word ^ word >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    word = (word ^ word >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ word >> 33
}

/// Up to eight bytes as a number, the first the lowest.
fn little_endian(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, byte| word << 8 | u64::from(*byte))
}
