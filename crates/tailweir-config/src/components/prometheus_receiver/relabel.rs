//! Rules that rewrite labels.

use super::{LooseText, NameValidation};
use crate::node::Place;
use crate::pattern;
use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};

choice! {
    /// What a rule does.
    pub enum RelabelAction (any case) = Replace {
        /// Writes `replacement` to `target_label` where the expression matches.
        Replace = "replace",
        /// Drops what does not match.
        Keep = "keep",
        /// Drops what matches.
        Drop = "drop",
        /// Drops where `target_label` is not what the source labels say.
        KeepEqual = "keepequal",
        /// Drops where `target_label` is what the source labels say.
        DropEqual = "dropequal",
        /// Writes the rest of a hash of the source labels, divided by `modulus`, to `target_label`.
        HashMod = "hashmod",
        /// Copies labels whose names match to the names that `replacement` makes.
        LabelMap = "labelmap",
        /// Removes labels whose names match.
        LabelDrop = "labeldrop",
        /// Removes labels whose names do not match.
        LabelKeep = "labelkeep",
        /// Writes the source labels in lower case to `target_label`.
        Lowercase = "lowercase",
        /// Writes the source labels in upper case to `target_label`.
        Uppercase = "uppercase",
    }
}

settings! {
    /// A rule that rewrites labels, of targets or of series.
    pub struct RelabelRule {
        /// Labels whose values are looked at, joined.
        source_labels: Vec<LooseText> = Vec::new(),
        /// What stands between joined values.
        separator: LooseText = LooseText::new(";"),
        /// Expression that the whole of them must match.
        regex: LooseText = LooseText::new("(.*)"),
        /// For `hashmod`.
        modulus: u64 = 0,
        /// The label that is written. May hold `$1`, written `$$1`, for `replace`.
        target_label: LooseText = LooseText::default(),
        /// What is written: `$1`, written `$$1`, is the first group of the expression.
        replacement: LooseText = LooseText::new("$1"),
        /// What the rule does.
        action: RelabelAction = RelabelAction::Replace,
    }
    rules relabel_rules;
}

impl RelabelRule {
    /// The expression as it is matched: against the whole, dots matching line breaks too.
    #[must_use]
    pub fn anchored(&self) -> String {
        format!("^(?s:{})$", self.regex.as_str())
    }

    /// Whether the rule says what no other name of labels allows.
    pub(super) fn check_names(&self, names: NameValidation, place: &Place, report: &mut Report) {
        let target = self.target_label.as_str();
        // What a template becomes is looked at when it is applied.
        let is_template = self.action == RelabelAction::Replace && target.contains('$');
        let is_written = writes(self.action) && !target.is_empty() && !is_template;
        if is_written && !names.is_label_name(target) {
            let text = format!("`{target}` is no name of a label under these rules for names");
            let fix = "use letters, digits and `_`, or `metric_name_validation_scheme: utf8`";
            report.error_at(place.clone(), Cause::NotAllowed, text, fix);
        }
    }
}

/// Whether an action needs `target_label`.
const fn writes(action: RelabelAction) -> bool {
    use RelabelAction as A;
    matches!(
        action,
        A::Replace | A::HashMod | A::Lowercase | A::Uppercase | A::KeepEqual | A::DropEqual
    )
}

fn relabel_rules(rule: &mut RelabelRule, block: &mut Block<'_>, report: &mut Report) {
    use RelabelAction as A;
    let action = rule.action.word();
    pattern::check(&rule.anchored(), block.at("regex"), report);
    if rule.action == A::HashMod && rule.modulus == 0 {
        let text = "`hashmod` needs a `modulus` above zero";
        report.error_at(block.at("modulus"), Cause::MissingBeside, text, "add it");
    }
    if writes(rule.action) && rule.target_label.as_str().is_empty() {
        let text = format!("`{action}` needs a `target_label`");
        let fix = "add the label that is written or compared";
        report.error_at(block.place(), Cause::MissingBeside, text, fix);
    }
    if rule.action == A::LabelMap && rule.replacement.as_str().is_empty() {
        let text = "`labelmap` needs a `replacement` that is a name";
        report.error_at(
            block.at("replacement"),
            Cause::NotAllowed,
            text,
            "write `$$1`",
        );
    }
    let unwanted: &[&str] = match rule.action {
        A::Lowercase | A::Uppercase => &["replacement"],
        A::KeepEqual | A::DropEqual => &["regex", "modulus", "separator", "replacement"],
        A::LabelDrop | A::LabelKeep => &[
            "source_labels",
            "target_label",
            "modulus",
            "separator",
            "replacement",
        ],
        _ => &[],
    };
    let plain = RelabelRule::default();
    for key in unwanted {
        let is_plain = match *key {
            "regex" => rule.regex == plain.regex,
            "modulus" => rule.modulus == plain.modulus,
            "separator" => rule.separator == plain.separator,
            "source_labels" => rule.source_labels.is_empty(),
            "target_label" => rule.target_label == plain.target_label,
            _ => rule.replacement == plain.replacement,
        };
        if !is_plain {
            let text = format!("`{key}` has no meaning for `{action}`");
            report.error_at(block.at(key), Cause::Contradiction, text, "remove it");
        }
    }
}
