//! XML, as far as converters need it: read into a tree, searched with XPath, written again.
//!
//! The reader takes what Go's strict decoder takes: no entities but the five predefined ones and numbers,
//! quotes around every attribute, matching tags, declared prefixes. Nothing outside the text is looked at.

mod gone;
mod prefixes;
mod reader;
mod search;
mod tree;
mod xpath;

pub(crate) use gone::Gone;
pub(crate) use reader::{Event, Reader};
pub(crate) use search::Found;
pub(crate) use tree::{Kind, NodeId, Tree, local};
pub(crate) use xpath::XPath;

/// Elements may be nested this deep.
pub(crate) const DEPTH_MAX: usize = 256;
