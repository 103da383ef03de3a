//! Any bytes as a letter of a sampler and as a part of a gateway: no panic, and what is taken is the same when it is
//! written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use prost::Message as _;
use tailweir_proto::peer;
use tailweir_wire::{read_letter, read_part, read_said, write_letters, write_part, write_said};

/// Of the hash that gives a trace its slot; any will do.
const SLOT_SEED: u64 = 0;
const LETTER_SIZE: usize = 1 << 10;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(letter) = peer::Letter::decode(bytes)
        && let Ok(letter) = read_letter(letter)
    {
        let again = write_letters(&letter.sampler, letter.messages.clone(), LETTER_SIZE);
        let again = again.into_iter().flat_map(|(letter, size)| {
            assert!(letter.encoded_len() <= size);
            read_letter(letter).expect("it was read before").messages
        });
        assert!(again.eq(letter.messages));
    }
    if let Ok(part) = peer::Part::decode(bytes)
        && let Ok(part) = read_part(part)
    {
        assert_eq!(read_part(write_part(part.clone())), Ok(part));
    }
    if let Ok(answer) = peer::PartAnswer::decode(bytes)
        && let Ok((id, said)) = read_said(&answer, SLOT_SEED)
    {
        let again = write_said(id, said.clone());
        assert_eq!(read_said(&again, SLOT_SEED), Ok((id, said)));
    }
});
