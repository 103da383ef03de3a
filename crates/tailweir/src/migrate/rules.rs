//! Refinery's samplers as policies.
//!
//! In Refinery the first rule that matches decides; policies all look at a trace, and one that samples keeps it. So each
//! rule becomes policies that also say that no rule before it matches. A rule with several conditions fails to match in
//! several ways, and each way is a policy of its own; their shares are drawn by the same hash, so together they keep
//! what one would.

use super::condition::{Question, on_span, question};
use super::{Report, entries, items};
use serde_json::{Value, json};

/// Most policies that one rule may become.
const ALTERNATIVES_MAX: usize = 64;

/// The policies of a sampler.
pub(super) fn policies(sampler: &Value, report: &mut Report) -> Vec<Value> {
    match sampler.get("RulesBasedSampler") {
        Some(rules) => of_rules(items(&rules["Rules"]), report),
        None => {
            let part = share("default", sampler, report);
            part.map(|part| vec![named("default", part)])
                .unwrap_or_default()
        }
    }
}

fn of_rules(rules: &[Value], report: &mut Report) -> Vec<Value> {
    let (mut policies, mut earlier) = (Vec::new(), Vec::<Vec<Question>>::new());
    for (index, rule) in rules.iter().enumerate() {
        let name = rule["Name"]
            .as_str()
            .map_or_else(|| format!("rule {}", index + 1), str::to_owned);
        let Some(questions) = questions(&name, rule, report) else {
            continue;
        };
        if let Some(share) = action(&name, rule, report) {
            let ways = ways(&questions, &earlier);
            if ways.len() > ALTERNATIVES_MAX {
                let why = format!(
                    "rules before it have too many conditions ({} ways not to match); it is asked although one of them may match",
                    ways.len()
                );
                report.approximated(&name, why);
                policies.extend(rule_policies(
                    &name,
                    std::slice::from_ref(&questions),
                    &share,
                ));
            } else {
                policies.extend(rule_policies(&name, &ways, &share));
            }
        }
        let is_last = questions.is_empty();
        earlier.push(questions);
        if is_last {
            if let Some(next) = rules.get(index + 1) {
                report.unsupported(
                    next["Name"].as_str().unwrap_or("the rule after"),
                    "a rule before it matches everything",
                );
            }
            return policies;
        }
    }
    let rest = ways(&[], &earlier);
    policies.extend(rule_policies(
        "no rule",
        &rest,
        &json!({ "type": "always_sample" }),
    ));
    report.exact("no rule", "what no rule matches is kept, as in Refinery");
    policies
}

/// The conditions of a rule. Nothing when one of them cannot be asked: then the rule is left out, and said.
fn questions(name: &str, rule: &Value, report: &mut Report) -> Option<Vec<Question>> {
    let conditions = match &rule["Conditions"] {
        Value::Object(_) => std::slice::from_ref(&rule["Conditions"]),
        list => items(list),
    };
    if rule["Scope"] == "span" && !conditions.is_empty() {
        let parts: Result<Vec<_>, _> = conditions.iter().map(on_span).collect();
        return match parts {
            Ok(parts) => Some(vec![Question::about_spans(&format!(
                "({})",
                parts.join(") and (")
            ))]),
            Err(why) => {
                report.unsupported(name, format!("{why}; the rule is left out"));
                None
            }
        };
    }
    let mut questions = Vec::new();
    for condition in conditions {
        match question(condition) {
            Ok(read) => {
                if let Some(remark) = read.remark {
                    report.approximated(name, remark);
                }
                questions.push(read.question);
            }
            Err(why) => {
                report.unsupported(name, format!("{why}; the rule is left out"));
                return None;
            }
        }
    }
    Some(questions)
}

/// What a rule does with what it matches; nothing when it drops.
fn action(name: &str, rule: &Value, report: &mut Report) -> Option<Value> {
    if rule["Drop"] == true {
        report.exact(
            name,
            "what it matches is matched by no policy, so it is not kept",
        );
        return None;
    }
    match rule.get("Sampler") {
        Some(sampler) => share(name, sampler, report),
        None => share(
            name,
            &json!({ "DeterministicSampler": { "SampleRate": rule["SampleRate"] } }),
            report,
        ),
    }
}

/// All ways in which these questions have yes for an answer and no earlier rule matches.
fn ways(questions: &[Question], earlier: &[Vec<Question>]) -> Vec<Vec<Question>> {
    let mut ways = vec![questions.to_vec()];
    for rule in earlier {
        let longer = ways.iter().flat_map(|way| {
            // A way in which the question has yes for an answer cannot have no for it.
            let open = rule.iter().filter(|question| !way.contains(question));
            open.map(move |question| {
                let (mut way, no) = (way.clone(), question.not());
                if !way.contains(&no) {
                    way.push(no);
                }
                way
            })
        });
        ways = longer.collect();
        if ways.len() > ALTERNATIVES_MAX {
            return ways;
        }
    }
    ways
}

fn rule_policies(name: &str, ways: &[Vec<Question>], share: &Value) -> Vec<Value> {
    let policy = |(index, way): (usize, &Vec<Question>)| {
        let name = if ways.len() == 1 {
            name.to_owned()
        } else {
            format!("{name} ({})", index + 1)
        };
        if way.is_empty() {
            return named(&name, share.clone());
        }
        let mut parts: Vec<_> = way
            .iter()
            .enumerate()
            .map(|(part, question)| question.policy(&format!("{name}, condition {}", part + 1)))
            .collect();
        if share["type"] != "always_sample" {
            parts.push(named(&format!("{name}, share"), share.clone()));
        }
        json!({ "name": name, "type": "and", "and": { "and_sub_policy": parts } })
    };
    ways.iter().enumerate().map(policy).collect()
}

fn named(name: &str, mut policy: Value) -> Value {
    policy["name"] = json!(name);
    policy
}

/// The policy of a sampler without rules, without a name.
fn share(name: &str, sampler: &Value, report: &mut Report) -> Option<Value> {
    let (kind, settings) = entries(sampler).next()?;
    let rate = settings["GoalSampleRate"]
        .as_f64()
        .or(settings["SampleRate"].as_f64())
        .unwrap_or(1.0)
        .max(1.0);
    let keeps_all = rate == 1.0;
    let part = match kind {
        _ if keeps_all && !kind.contains("Throughput") => json!({ "type": "always_sample" }),
        _ => {
            json!({ "type": "probabilistic", "probabilistic": { "sampling_percentage": 100.0 / rate } })
        }
    };
    match kind {
        "DeterministicSampler" if keeps_all => report.exact(name, "keeps everything"),
        "DeterministicSampler" => report.exact(
            name,
            format!("keeps 1 in {rate}; by another hash, so other traces than before"),
        ),
        "DynamicSampler" | "EMADynamicSampler" => {
            report.approximated(name, format!("keeps 1 in {rate} of everything; {kind} favours combinations of its fields that are rare. Add policies for what is rare and matters"));
        }
        "EMAThroughputSampler" | "WindowedThroughputSampler" | "TotalThroughputSampler" => {
            let goal = settings["GoalThroughputPerSec"].as_u64().unwrap_or(100);
            report.approximated(name, format!("keeps up to {goal} spans a second; {kind} shares them among combinations of its fields"));
            return Some(
                json!({ "type": "rate_limiting", "rate_limiting": { "spans_per_second": goal } }),
            );
        }
        _ => {
            report.unsupported(name, format!("there is no sampler {kind}"));
            return None;
        }
    }
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::policies;
    use crate::migrate::{Fit, Report};
    use serde_json::{Value, json};

    fn names(policies: &[Value]) -> Vec<&str> {
        policies
            .iter()
            .filter_map(|policy| policy["name"].as_str())
            .collect()
    }

    /// Scenario: a rule that drops on two conditions, then one that keeps a fifth, and no rule for the rest.
    /// Guarantees: the first match decides, as before: each policy says in which way the earlier rules do not match; the rest is kept.
    #[test]
    fn the_first_rule_that_matches_decides() {
        let condition = |field: &str| json!({"Field": field, "Operator": "exists"});
        let sampler = json!({"RulesBasedSampler": {"Rules": [
            {"Name": "noise", "Drop": true, "Conditions": [condition("a"), condition("b")]},
            {"Name": "fifth", "SampleRate": 5, "Conditions": [condition("c")]},
        ]}});
        let mut report = Report::default();
        let policies = policies(&sampler, &mut report);
        assert_eq!(
            names(&policies),
            ["fifth (1)", "fifth (2)", "no rule (1)", "no rule (2)"]
        );
        let parts = &policies[0]["and"]["and_sub_policy"];
        assert_eq!(parts[0]["type"], "ottl_condition");
        assert_eq!(parts[1]["type"], "not");
        assert_eq!(parts[2]["probabilistic"]["sampling_percentage"], 20.0);
        assert_eq!(report.count(Fit::Unsupported), 0, "{report}");
    }

    /// Scenario: a sampler by throughput, and one that nobody knows.
    /// Guarantees: the first comes close and says so; the second is named and left out.
    #[test]
    fn other_samplers_come_close_or_are_named() {
        let mut report = Report::default();
        let rate = policies(
            &json!({"EMAThroughputSampler": {"GoalThroughputPerSec": 7}}),
            &mut report,
        );
        assert_eq!(rate[0]["rate_limiting"]["spans_per_second"], 7);
        assert!(policies(&json!({"MagicSampler": {}}), &mut report).is_empty());
        assert_eq!(
            (
                report.count(Fit::Approximated),
                report.count(Fit::Unsupported)
            ),
            (1, 1)
        );
    }
}
