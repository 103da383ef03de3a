//! The hash by which `probabilistic` policies decide, and the share of hashes that they keep.

use tailweir_core::TraceId;

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;
const DEFAULT_SALT: &[u8] = b"default-hash-seed";

/// FNV-1a of 64 bits, with a salt in front of what is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SaltedHash(u64);

impl SaltedHash {
    /// The hash under this salt; an empty one stands for `default-hash-seed`.
    pub(crate) fn new(salt: &str) -> Self {
        let salt = match salt.as_bytes() {
            [] => DEFAULT_SALT,
            given => given,
        };
        Self(absorb(OFFSET, salt))
    }

    /// The hash of a trace id.
    pub(crate) fn of(self, trace: TraceId) -> u64 {
        absorb(self.0, &trace.0)
    }
}

fn absorb(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    })
}

/// The largest hash that `percentage` keeps: `(2^64 - 1) * (percentage / 100)`, the product rounded
/// to 64 significant bits (to even) and then cut to a whole number. 0 still keeps the hash 0.
pub(crate) fn largest_kept_hash(percentage: f64) -> u64 {
    let ratio = percentage / 100.0;
    if ratio >= 1.0 {
        return u64::MAX;
    }
    // Below the smallest normal number the product is far below 1 and cut to 0 anyway.
    if !ratio.is_normal() || ratio < 0.0 {
        return 0;
    }
    let bits = ratio.to_bits();
    let mantissa = u128::from(bits & ((1 << 52) - 1) | 1 << 52);
    let exponent = ((bits >> 52) & 0x7ff) as i32 - 1075;
    let product = u128::from(u64::MAX) * mantissa;
    let excess = (128 - product.leading_zeros()).saturating_sub(64);
    let rounded = round_to_even(product, excess);
    let shift = exponent + excess as i32;
    match shift {
        0.. => u64::try_from(rounded << shift).unwrap_or(u64::MAX),
        -127..0 => u64::try_from(rounded >> -shift).unwrap_or(u64::MAX),
        _ => 0,
    }
}

/// `value / 2^bits`, rounded to the nearest, to even in the middle. `bits` is 1 to 127.
fn round_to_even(value: u128, bits: u32) -> u128 {
    let kept = value >> bits;
    let rest = value & ((1 << bits) - 1);
    let half = 1 << (bits - 1);
    let up = rest > half || (rest == half && kept & 1 == 1);
    kept + u128::from(up)
}

#[cfg(test)]
mod tests {
    use super::{SaltedHash, largest_kept_hash};

    /// Scenario: trace ids under the default salt and another.
    /// Guarantees: the hashes are those of the Collector, bit by bit.
    #[test]
    fn hashes_are_those_of_the_collector() {
        let hash = |salt: &str, id: &str| SaltedHash::new(salt).of(id.parse().unwrap());
        let counted = "0102030405060708090a0b0c0d0e0f10";
        let random = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(hash("", counted), 0xdbcf_64d5_420f_4cad);
        assert_eq!(hash("default-hash-seed", counted), 0xdbcf_64d5_420f_4cad);
        assert_eq!(hash("", random), 0xa545_33ba_2e49_70b5);
        assert_eq!(hash("custom-salt", random), 0xfcb7_4add_d5ed_06fd);
        assert_eq!(hash("custom-salt", counted), 0x71de_bceb_a3f6_b115);
        assert_eq!(
            hash("", "00000000000000000000000000000000"),
            0xe195_36ee_d1bb_ac3d
        );
    }

    /// Scenario: percentages from nothing to all, some of them not exact in binary.
    /// Guarantees: the largest hash kept is that of the Collector, bit by bit.
    #[test]
    fn bounds_are_those_of_the_collector() {
        for (percentage, bound) in [
            (0.1, 0x0041_8937_4bc6_a7ef),
            (1.0, 0x028f_5c28_f5c2_8f5f),
            (10.0, 0x1999_9999_9999_99ff),
            (33.3, 0x553f_7ced_9168_6fff),
            (50.0, 0x7fff_ffff_ffff_ffff),
        ] {
            assert_eq!(largest_kept_hash(percentage), bound, "{percentage}");
        }
    }

    /// Scenario: percentages outside 0 to 100, and so small that hardly a hash is kept.
    /// Guarantees: they saturate, and nothing overflows.
    #[test]
    fn bounds_saturate() {
        for percentage in [
            0.0,
            -1.0,
            f64::MIN_POSITIVE,
            1e-300,
            f64::NAN,
            f64::NEG_INFINITY,
        ] {
            assert_eq!(largest_kept_hash(percentage), 0, "{percentage}");
        }
        for percentage in [100.0, 100.1, f64::INFINITY] {
            assert_eq!(largest_kept_hash(percentage), u64::MAX, "{percentage}");
        }
        assert_eq!(
            largest_kept_hash(99.999_999_999_999_99),
            0xffff_ffff_ffff_f7ff
        );
        assert_eq!(largest_kept_hash(6e-18), 1);
    }
}
