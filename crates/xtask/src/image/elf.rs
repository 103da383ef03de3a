//! Whether a program needs other files to start.

use anyhow::{Context, Result, ensure};

/// Type of the program header that names a loader.
const INTERPRETER: u32 = 3;

/// Fails when the program is no 64-bit ELF file, or when a loader would have to be beside it.
pub(super) fn check_static(program: &[u8]) -> Result<()> {
    ensure!(
        program.get(..6) == Some(b"\x7fELF\x02\x01"),
        "is no 64-bit little-endian ELF program"
    );
    let start = number::<8>(program, 32)? as usize;
    let (size, count) = (number::<2>(program, 54)?, number::<2>(program, 56)?);
    for index in 0..count {
        let kind = number::<4>(program, start + (index * size) as usize)?;
        ensure!(
            kind != u64::from(INTERPRETER),
            "is linked dynamically; an image from scratch has no loader and no C library"
        );
    }
    Ok(())
}

/// A little-endian number of `N` bytes.
fn number<const N: usize>(program: &[u8], place: usize) -> Result<u64> {
    let bytes = program.get(place..place + N).context("is cut short")?;
    let number = bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    Ok(number)
}
