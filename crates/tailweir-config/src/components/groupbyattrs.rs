//! The `groupbyattrs` processor.

use crate::report::{Cause, Report};
use crate::setting::{Block, settings};

settings! {
    /// Moves attributes from items to resources, and puts items of the same resource and scope together.
    pub struct GroupByAttrs {
        /// Keys of the attributes that are moved. Empty: items are only put together.
        keys: Vec<String> = Vec::new(),
    }
    rules group_rules;
}

fn group_rules(processor: &mut GroupByAttrs, block: &mut Block<'_>, report: &mut Report) {
    let keys = &processor.keys;
    for (index, place) in block.items("keys").enumerate().take(keys.len()) {
        if keys[index].is_empty() {
            report.error_at(place, Cause::Missing, "the key is empty", "remove it");
        }
    }
}
