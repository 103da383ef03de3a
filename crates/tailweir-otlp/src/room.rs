//! Memory that something takes while it is written.

/// Is asked before more memory is taken than it was asked for before: for so many bytes in all. Answers whether there is room; without
/// it, what is written is given up.
pub type Room<'a> = dyn FnMut(usize) -> bool + 'a;
