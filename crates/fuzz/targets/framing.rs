//! Any bytes as a file of requests, cut into records with any limit: no panic, and every step goes on, asks for
//! more, or passes over what is too large.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tailweir_otlp::{Framing, Piece};

fuzz_target!(|input: (u16, &[u8])| {
    let (max, mut file) = (usize::from(input.0), input.1);
    let Some(first) = file.first() else {
        return;
    };
    let framing = Framing::of(*first);
    loop {
        match framing.next(file, max) {
            Piece::Record(record, length) => {
                assert!(record.len() <= max && length > 0);
                file = &file[length..];
            }
            Piece::TooLarge(length) => {
                assert!(length > max as u64);
                let passed = length.min(file.len() as u64);
                file = &file[usize::try_from(passed).unwrap()..];
            }
            Piece::TooLong => {
                assert!(file.len() > max);
                return;
            }
            Piece::Incomplete => return,
        }
    }
});
