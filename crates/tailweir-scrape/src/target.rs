//! Targets: addresses with labels, rewritten by the rules of their job.

mod resource;
mod url;

use crate::labels::{INSTANCE, JOB};
use crate::page::NativeWishes;
use crate::{Job, Labels, Ruling, TargetError};
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{PrometheusDuration, TargetGroup};
use xxhash_rust::xxh3::xxh3_64;

pub(crate) use resource::resource;

const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const METRICS_PATH: &str = "__metrics_path__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const PARAMETER: &str = "__param_";
const NATIVE: &str = "__scrape_native_histograms__";
const CLASSIC: &str = "__always_scrape_classic_histograms__";
/// Labels of such names do not outlive the rules.
const META: &str = "__meta_";
/// Labels of such names are not labels of series.
const RESERVED: &str = "__";

/// Something that is scraped.
#[derive(Debug)]
pub struct Target {
    pub(crate) job: Arc<Job>,
    /// The labels of its series.
    pub(crate) labels: Labels,
    /// Labels before any rule: what is known about where it was found.
    pub(crate) found: Labels,
    pub(crate) wishes: NativeWishes,
    url: String,
    interval: PrometheusDuration,
    timeout: PrometheusDuration,
    identity: (Labels, String),
}

impl Target {
    /// Where its page is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its job.
    #[must_use]
    pub fn job(&self) -> &Arc<Job> {
        &self.job
    }

    /// The labels of its series.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Time from scrape to scrape.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval.duration()
    }

    /// Time for one scrape.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout.duration()
    }

    /// What tells it from others, of any time: its labels and its URL.
    #[must_use]
    pub fn identity(&self) -> (Labels, String) {
        self.identity.clone()
    }

    /// The same as a number, equal wherever the target is found.
    #[must_use]
    pub fn key(&self) -> u64 {
        let mut text = self.url.clone();
        for (name, value) in self.identity.0.iter() {
            text.push('\u{ff}');
            text.push_str(name);
            text.push('\u{ff}');
            text.push_str(value);
        }
        xxh3_64(text.as_bytes())
    }

    /// Time until the next scrape, at `now` in nanoseconds of the Unix epoch. Targets are spread over the interval by
    /// what tells them from others, so that each has its own moment, before and after a restart; `seed` differs from
    /// process to process.
    #[must_use]
    pub fn until_next(&self, now: u64, seed: u64) -> Duration {
        let interval = u64::try_from(self.interval().as_nanos())
            .unwrap_or(u64::MAX)
            .max(1);
        let own = (self.key() ^ seed) % interval;
        let next = interval - now % interval + own;
        Duration::from_nanos(next % interval)
    }
}

/// The target of an address; nothing where the rules drop it.
pub(crate) fn populate(
    job: &Arc<Job>,
    address: &str,
    group: &TargetGroup,
) -> Result<Option<Target>, TargetError> {
    let found = found(job, address, group);
    let mut labels = found.clone();
    if job.relabeling.apply(&mut labels) == Ruling::Drop {
        return Ok(None);
    }
    let address = labels.get(ADDRESS).to_owned();
    if address.is_empty() {
        return Err(TargetError::NoAddress);
    }
    let is_plain =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'?' | b'#' | b'@' | b'\\');
    if !address.bytes().all(is_plain) {
        return Err(TargetError::BadAddress(address));
    }
    let (interval, timeout) = times(&labels)?;
    let wishes = NativeWishes {
        native: switch(&labels, NATIVE)?,
        classic: switch(&labels, CLASSIC)?,
    };
    labels.retain(|name| !name.starts_with(META));
    if labels.get(INSTANCE).is_empty() {
        labels.set(INSTANCE, address);
    }
    let url = url::of(job, &labels);
    let identity = (labels.clone(), url.clone());
    labels.retain(|name| !name.starts_with(RESERVED));
    Ok(Some(Target {
        job: Arc::clone(job),
        labels,
        found,
        wishes,
        url,
        interval,
        timeout,
        identity,
    }))
}

/// The labels that a target has before any rule.
fn found(job: &Job, address: &str, group: &TargetGroup) -> Labels {
    let settings = &job.settings;
    let pairs = group.labels.iter();
    let pairs = pairs.map(|(name, value)| (name.clone(), value.as_str().to_owned()));
    let mut labels = Labels::of(pairs.collect());
    labels.set(ADDRESS, address);
    let duration = |it: Option<PrometheusDuration>, absent: u64| {
        it.unwrap_or(PrometheusDuration::of_seconds(absent))
            .to_string()
    };
    let flag = |it: Option<bool>| it.unwrap_or_default().to_string();
    for (name, value) in [
        (JOB, settings.job_name.as_str().to_owned()),
        (INTERVAL, duration(settings.scrape_interval, 60)),
        (TIMEOUT, duration(settings.scrape_timeout, 10)),
        (METRICS_PATH, settings.metrics_path.as_str().to_owned()),
        (SCHEME, settings.scheme.as_str().to_owned()),
        (NATIVE, flag(settings.scrape_native_histograms)),
        (CLASSIC, flag(settings.always_scrape_classic_histograms)),
    ] {
        if labels.get(name).is_empty() {
            labels.set(name, value);
        }
    }
    for (name, values) in &settings.params {
        let name = format!("{PARAMETER}{name}");
        if let (Some(value), true) = (values.first(), labels.get(&name).is_empty()) {
            labels.set(&name, value.as_str());
        }
    }
    labels
}

fn times(labels: &Labels) -> Result<(PrometheusDuration, PrometheusDuration), TargetError> {
    let time = |label: &'static str| {
        let value = labels.get(label);
        let parsed = PrometheusDuration::parse(value);
        let parsed = parsed.filter(|time| !time.duration().is_zero());
        parsed.ok_or_else(|| TargetError::BadDuration {
            label,
            value: value.to_owned(),
        })
    };
    let (interval, timeout) = (time(INTERVAL)?, time(TIMEOUT)?);
    match timeout > interval {
        true => Err(TargetError::LateTimeout {
            timeout: timeout.to_string(),
            interval: interval.to_string(),
        }),
        false => Ok((interval, timeout)),
    }
}

/// A switch, in the words of Go.
fn switch(labels: &Labels, label: &'static str) -> Result<bool, TargetError> {
    match labels.get(label) {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        value => Err(TargetError::BadSwitch {
            label,
            value: value.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Job, TargetError};
    use std::sync::Arc;
    use std::time::Duration;
    use tailweir_config::{LooseText, PrometheusDuration, RelabelRule, ScrapeJob, TargetGroup};

    fn job(rules: &[(&str, &str, &str)]) -> Arc<Job> {
        let rule = |(source, target, replacement): &(&str, &str, &str)| RelabelRule {
            source_labels: vec![LooseText::new(*source)],
            target_label: LooseText::new(*target),
            replacement: LooseText::new(*replacement),
            ..RelabelRule::default()
        };
        let settings = ScrapeJob {
            job_name: LooseText::new("j"),
            scrape_interval: Some(PrometheusDuration::of_seconds(60)),
            scrape_timeout: Some(PrometheusDuration::of_seconds(10)),
            relabel_configs: rules.iter().map(rule).collect(),
            params: [(
                "q".to_owned(),
                vec![LooseText::new("a b"), LooseText::new("c")],
            )]
            .into(),
            ..ScrapeJob::default()
        };
        Arc::new(Job::new(&settings).unwrap())
    }

    fn group(addresses: &[&str]) -> TargetGroup {
        TargetGroup {
            targets: addresses.iter().map(|it| LooseText::new(*it)).collect(),
            ..TargetGroup::default()
        }
    }

    /// Scenario: rules write the address, the path, a parameter and the interval, as for an exporter that is asked on
    /// behalf of others.
    /// Guarantees: the URL and the times are those of the rules; the label `instance` is the first address.
    ///
    /// Conforms: receiver `prometheus` | metrics | rules that write the address, the path, parameters and the
    /// interval | same
    #[test]
    fn rules_say_where_and_how_often() {
        let job = job(&[
            ("__address__", "__param_target", "$1"),
            ("__address__", "instance", "$1"),
            ("job", "__address__", "exporter:9115"),
            ("job", "__metrics_path__", "probe it"),
            ("job", "__scrape_interval__", "15s"),
        ]);
        let (targets, mistakes) = job.targets(&[group(&["db:5432", "db:5432"])], 10);
        assert!(mistakes.is_empty());
        let [target] = &targets[..] else {
            panic!("{targets:?}");
        };
        assert_eq!(
            target.url(),
            "http://exporter:9115/probe%20it?q=a+b&q=c&target=db%3A5432"
        );
        assert_eq!(target.interval(), Duration::from_secs(15));
        let labels: Vec<_> = target.labels().iter().collect();
        assert_eq!(labels, [("instance", "db:5432"), ("job", "j")]);
    }

    /// Scenario: addresses that are none, and rules that write times that are none.
    /// Guarantees: each such target is named with what is wrong, and the others stay.
    #[test]
    fn what_is_no_target_is_told() {
        let (targets, mistakes) =
            job(&[]).targets(&[group(&["a:1", "http://b:1", "", "c d:1"])], 10);
        assert_eq!(targets.len(), 1);
        assert_eq!(
            mistakes,
            [
                TargetError::BadAddress("http://b:1".into()),
                TargetError::NoAddress,
                TargetError::BadAddress("c d:1".into())
            ]
        );
        let late = job(&[("job", "__scrape_timeout__", "2m")]);
        let (_, mistakes) = late.targets(&[group(&["a:1"])], 10);
        assert!(matches!(mistakes[..], [TargetError::LateTimeout { .. }]));
        let (targets, _) = job(&[]).targets(&[group(&["a:1", "b:1", "c:1", "d:1"])], 2);
        assert_eq!(
            targets.len(),
            3,
            "one more than allowed tells that it is too many"
        );
    }

    /// Scenario: a hundred targets of one job.
    /// Guarantees: their moments are spread over the interval, and each is the same whenever it is asked for.
    #[test]
    fn targets_are_spread_over_the_interval() {
        let addresses: Vec<_> = (0..100).map(|number| format!("host{number}:1")).collect();
        let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
        let (targets, _) = job(&[]).targets(&[group(&addresses)], 1000);
        let second = 1_000_000_000;
        let mut quarters = [0; 4];
        for target in &targets {
            let next = target.until_next(7 * second, 3);
            assert!(next < Duration::from_secs(60));
            let later = target.until_next(8 * second, 3);
            let moved = next.checked_sub(Duration::from_secs(1));
            assert_eq!(later, moved.unwrap_or(next + Duration::from_secs(59)));
            quarters[next.as_secs() as usize / 15] += 1;
        }
        assert!(quarters.iter().all(|count| *count > 10), "{quarters:?}");
    }
}
