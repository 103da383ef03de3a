//! Any bytes as a file of a queue on disk, and any bytes behind the beginning of one: no panic, what is found lies within the
//! bytes and in order, and a file that was cut holds a beginning of what it held.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tailweir_spool::recover;

fuzz_target!(|input: (u64, u16, bool, &[u8])| {
    let (reel, cut, is_begun, bytes) = input;
    let beginning: &[u8] = if is_begun { b"TWSPOOL1" } else { b"" };
    let bytes = [beginning, bytes].concat();
    let Some(whole) = recover(reel, &bytes) else {
        return;
    };
    assert!(whole.ignored <= bytes.len() as u64);
    assert!(whole.entries.is_sorted_by_key(|entry| entry.place));
    let parts = whole.entries.iter();
    let held: usize = parts
        .map(|entry| entry.label.len() + entry.body.as_ref().map_or(0, Vec::len))
        .sum();
    assert!(held <= bytes.len());
    let cut = usize::from(cut).min(bytes.len());
    let torn = recover(reel, &bytes[..cut]).expect("a beginning of a file is one");
    assert!(whole.entries.starts_with(&torn.entries));
});
