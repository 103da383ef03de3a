//! Settings to compiled policies to decisions.
