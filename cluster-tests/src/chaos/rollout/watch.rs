//! Follows the logs of pods, because they go with their pods.

use super::kubernetes::{Kubernetes, Pod};
use crate::chaos::decisions;
use crate::chaos::event::{Decision, Ledger};
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinHandle;

const POLL: Duration = Duration::from_millis(500);
/// What pods that are there already wrote before this is of another run.
const SINCE: &str = "--since=2s";
/// What a member writes once its books are closed.
const LAST_WORDS: &str = "final ledger";

/// Follows every pod of a namespace from now on.
#[derive(Debug)]
pub(super) struct Watch {
    folder: PathBuf,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Watch {
    pub(super) async fn start(kubernetes: Kubernetes, folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut followers = Followers {
            kubernetes,
            folder: folder.clone(),
            running: BTreeMap::new(),
            rounds: BTreeMap::new(),
        };
        followers.look(Some(SINCE)).await;
        let (stop, mut stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            while tokio::time::timeout(POLL, stopped.changed()).await.is_err() {
                followers.look(None).await;
            }
        });
        Ok(Self { folder, stop, task })
    }

    /// Stops following. What members wrote is in the folder.
    pub(super) async fn finish(self) -> Result<Logs> {
        // What was written just now is on its way.
        tokio::time::sleep(POLL * 2).await;
        self.stop.send_replace(true);
        self.task.await?;
        Ok(Logs {
            folder: self.folder,
        })
    }
}

struct Followers {
    kubernetes: Kubernetes,
    folder: PathBuf,
    /// By the life of the pod that each follows.
    running: BTreeMap<String, Child>,
    /// How often a life was followed: a node that is cut off ends it.
    rounds: BTreeMap<String, u32>,
}

impl Followers {
    /// Follows every pod that nobody follows yet. What the API does not answer now, it answers the next time.
    async fn look(&mut self, since: Option<&str>) {
        for pod in self.kubernetes.pods().await.unwrap_or_default() {
            if !pod.has_started {
                continue;
            }
            let life = pod.life();
            let is_followed = self
                .running
                .get_mut(&life)
                .is_some_and(|child| matches!(child.try_wait(), Ok(None)));
            if !is_followed && let Ok(child) = self.follow(&pod, since) {
                self.running.insert(life, child);
            }
        }
    }

    fn follow(&mut self, pod: &Pod, since: Option<&str>) -> Result<Child> {
        let round = self.rounds.entry(pod.life()).or_default();
        *round += 1;
        let file = self.folder.join(format!("{}.{round}.log", pod.life()));
        let mut command = self.kubernetes.command(&["logs", "--follow", &pod.name]);
        command.args(since);
        command.stdout(File::create(&file)?).stderr(Stdio::null());
        command.kill_on_drop(true);
        Ok(command.spawn()?)
    }
}

/// The logs of a run.
#[derive(Debug)]
pub(super) struct Logs {
    folder: PathBuf,
}

impl Logs {
    /// Each with the pod that wrote it.
    fn files(&self) -> Result<Vec<(String, PathBuf)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let life = name.rsplit_once('.').map_or(&*name, |(life, _)| life);
            files.push((life.to_owned(), path.clone()));
        }
        files.sort();
        Ok(files)
    }

    /// Every decision, once.
    pub(super) fn decisions(&self) -> Result<Vec<Decision>> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for (life, path) in self.files()? {
            let read = decisions::read(&life, &path);
            let is_new = |it: &Decision| {
                let verdict = (it.tenure.clone(), it.view, it.kept);
                seen.insert((it.node.clone(), it.trace, verdict))
            };
            found.extend(read.into_iter().filter(is_new));
        }
        Ok(found)
    }

    /// The books of members that have ended, as they closed them.
    pub(super) fn closed_books(&self) -> Result<Vec<Ledger>> {
        let mut books = BTreeMap::new();
        for (life, path) in self.files()? {
            if let Some(ledger) = last_words(&life, &path) {
                books.insert(life, ledger);
            }
        }
        Ok(books.into_values().collect())
    }
}

fn last_words(node: &str, log: &Path) -> Option<Ledger> {
    let lines = BufReader::new(File::open(log).ok()?).lines();
    let mut lines = lines.map_while(Result::ok);
    lines.find_map(|line| {
        if !line.contains(LAST_WORDS) {
            return None;
        }
        closed(node, &serde_json::from_str(&line).ok()?)
    })
}

fn closed(node: &str, line: &Value) -> Option<Ledger> {
    if line["signal"] != "traces" {
        return None;
    }
    let amount = |name: &str| line[name].as_i64();
    let lost = amount("lost")?;
    let ends = ["delivered", "dropped", "spooled", "handed_over"];
    let went: Option<i64> = ends.into_iter().map(amount).sum();
    Some(Ledger {
        node: node.to_owned(),
        complete: false,
        acknowledged: amount("acknowledged")?.unsigned_abs(),
        came: amount("taken")? + amount("copied")?,
        went: went? + lost,
        held: amount("held")?,
        lost,
        imbalance: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::closed;
    use serde_json::json;

    /// Scenario: the last words of a sampler, as the product writes them; and those for another signal.
    /// Guarantees: the books are read, and hold nothing that came and did not go.
    #[test]
    fn last_words_are_books() {
        let line = |signal: &str| {
            json!({
                "message": "final ledger", "signal": signal, "acknowledged": 7, "taken": 7, "copied": 5,
                "delivered": 2, "dropped": 3, "spooled": 0, "held": 0, "handed_over": 6, "lost": 1, "refused": 4,
            })
        };
        let books = closed("sampler-0", &line("traces")).unwrap();
        assert_eq!((books.came, books.went, books.lost), (12, 12, 1));
        assert_eq!(closed("sampler-0", &line("logs")), None);
    }
}
