//! The Tailweir binary.
fn main() {}
