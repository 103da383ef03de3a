//! Paths: what they are called, and what is said about wrong ones.
