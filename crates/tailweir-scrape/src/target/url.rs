//! The URL of a target's page.

use super::{ADDRESS, METRICS_PATH, PARAMETER, SCHEME};
use crate::{Job, Labels};
use std::collections::BTreeMap;

/// The URL that labels and the job's parameters say.
pub(super) fn of(job: &Job, labels: &Labels) -> String {
    let mut url = format!("{}://{}", labels.get(SCHEME), labels.get(ADDRESS));
    let path = labels.get(METRICS_PATH);
    if !path.is_empty() && !path.starts_with('/') {
        url.push('/');
    }
    for byte in path.bytes() {
        // What a path may hold as it is.
        if byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    let query = query(job, labels);
    if !query.is_empty() {
        url.push('?');
        url.push_str(&query);
    }
    url
}

/// The parameters of the job; labels say the first value of each.
fn query(job: &Job, labels: &Labels) -> String {
    let configured = job.settings.params.iter();
    let mut parameters: BTreeMap<&str, Vec<&str>> = configured
        .map(|(name, values)| {
            let values = values.iter().map(|value| value.as_str());
            (name.as_str(), values.collect())
        })
        .collect();
    for (name, value) in labels.iter() {
        let Some(name) = name.strip_prefix(PARAMETER) else {
            continue;
        };
        let values = parameters.entry(name).or_default();
        match values.first_mut() {
            Some(first) => *first = value,
            None => values.push(value),
        }
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, values) in parameters {
        for value in values {
            query.append_pair(name, value);
        }
    }
    query.finish()
}
