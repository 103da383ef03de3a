//! What is known of the objects.

use crate::attributes::Attribute;
use crate::containers::Containers;
use crate::feed::Kind;
use crate::figures::{Figures, count};
use crate::identity::Key;
use crate::object::{Body, Object};
use crate::rules::Rules;
use jiff::Timestamp;
use parking_lot::{RwLock, RwLockReadGuard};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tailweir_config::PodField;
use tailweir_core::Moment;

/// Keys of a pod, on average, that are remembered at most, those of pods that are gone included.
const KEYS_OF_POD: usize = 16;

/// What is known of the objects that a processor looks at. Many may read it while one writes.
#[derive(Debug)]
pub struct Table {
    rules: Arc<Rules>,
    known: RwLock<Known>,
    figures: Figures,
}

#[derive(Debug, Default)]
pub(crate) struct Known {
    /// By UID.
    pods: HashMap<Box<str>, Registered>,
    by_key: HashMap<Key, Arc<Pod>>,
    /// Keys that are still found for a while, in the order in which they end.
    leaving: VecDeque<Leaving>,
    pub(crate) others: Others,
    /// For each kind, how often its list was begun.
    rounds: [u64; Kind::ALL.len()],
}

/// Objects that are no pods.
#[derive(Debug, Default)]
pub(crate) struct Others([HashMap<Box<str>, Other>; Kind::ALL.len()]);

impl Others {
    /// A namespace or a node by its name, anything else by its UID.
    pub(crate) fn get(&self, kind: Kind, key: &str) -> Option<&Other> {
        self.0[kind.index()].get(key)
    }
}

/// An object that is no pod.
#[derive(Debug)]
pub(crate) struct Other {
    pub(crate) uid: Box<str>,
    pub(crate) attributes: Vec<Attribute>,
    /// The Deployment of a ReplicaSet, the CronJob of a Job.
    pub(crate) owner_name: Box<str>,
    pub(crate) owner_uid: Box<str>,
    round: u64,
}

/// What is known of a pod.
#[derive(Debug)]
pub(crate) struct Pod {
    pub(crate) name: Box<str>,
    pub(crate) namespace: Box<str>,
    pub(crate) uid: Box<str>,
    pub(crate) address: Box<str>,
    pub(crate) node: Box<str>,
    pub(crate) has_host_network: bool,
    /// Kind and UID of each owner.
    pub(crate) owners: Vec<(Kind, Box<str>)>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) containers: Containers,
    /// When it started. Of two pods with the same address the later one has it.
    started: Option<Timestamp>,
    pub(crate) is_ignored: bool,
}

impl Pod {
    /// An attribute that is text.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        let found = attributes.find(|attribute| *attribute.name == *name)?;
        match found.value.view() {
            tailweir_otlp::AnyValue::String(text) => std::str::from_utf8(text).ok(),
            _ => None,
        }
    }

    pub(crate) fn owner(&self, kind: Kind) -> Option<&str> {
        let mut owners = self.owners.iter();
        let (_, uid) = owners.find(|(known, _)| *known == kind)?;
        Some(uid)
    }
}

#[derive(Debug)]
struct Registered {
    pod: Arc<Pod>,
    keys: Vec<Key>,
    round: u64,
}

#[derive(Debug)]
struct Leaving {
    due: Moment,
    key: Key,
    pod: Arc<Pod>,
}

impl Table {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(rules: Arc<Rules>) -> Self {
        Self {
            rules,
            known: RwLock::default(),
            figures: Figures::default(),
        }
    }

    /// What it has counted.
    #[must_use]
    pub const fn figures(&self) -> &Figures {
        &self.figures
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read()
    }

    /// Remembers objects that are there, as they are now.
    pub fn apply(&self, objects: Vec<Object>, now: Moment) {
        for object in objects {
            let figures = self.figures.of(object.kind);
            count(&figures.set, 1);
            match object.kind {
                Kind::Pod => self.set_pod(&object.body, now),
                kind => self.set_other(kind, &object.body),
            }
            self.count_held(object.kind);
        }
    }

    /// Forgets an object that is gone; a pod only after a while.
    pub fn remove(&self, object: &Object, now: Moment) {
        let kind = object.kind;
        count(&self.figures.of(kind).gone, 1);
        let metadata = &object.body.metadata;
        let mut known = self.known.write();
        match kind {
            Kind::Pod => known.release(&metadata.uid, now + self.rules.grace),
            Kind::Namespace | Kind::Node => {
                known.others.0[kind.index()].remove(metadata.name.as_str());
            }
            _ => {
                known.others.0[kind.index()].remove(metadata.uid.as_str());
            }
        }
        drop(known);
        self.count_held(kind);
    }

    /// A list of these is read from its beginning.
    pub fn begin(&self, kind: Kind) {
        self.known.write().rounds[kind.index()] += 1;
    }

    /// The list is read to its end: what did not come since [`Self::begin`] is gone.
    pub fn finish(&self, kind: Kind, now: Moment) {
        let mut known = self.known.write();
        let round = known.rounds[kind.index()];
        let before = known.others.0[kind.index()].len();
        known.others.0[kind.index()].retain(|_, other| other.round == round);
        let mut gone = before - known.others.0[kind.index()].len();
        if kind == Kind::Pod {
            let pods = known.pods.iter().filter(|(_, pod)| pod.round != round);
            let pods: Vec<_> = pods.map(|(uid, _)| uid.clone()).collect();
            gone += pods.len();
            for uid in pods {
                known.release(&uid, now + self.rules.grace);
            }
        }
        drop(known);
        count(&self.figures.of(kind).gone, gone as u64);
        self.count_held(kind);
    }

    /// Forgets pods whose time is over.
    pub fn expire(&self, now: Moment) {
        let mut known = self.known.write();
        while known.leaving.front().is_some_and(|it| it.due <= now) {
            known.forget_oldest();
        }
        if known.leaving.is_empty() {
            known.shrink();
        }
    }

    fn count_held(&self, kind: Kind) {
        let known = self.known.read();
        let held = match kind {
            Kind::Pod => known.pods.len(),
            kind => known.others.0[kind.index()].len(),
        };
        drop(known);
        let figure = &self.figures.of(kind).held;
        figure.store(held as u64, Ordering::Relaxed);
    }

    fn set_pod(&self, body: &Body, now: Moment) {
        let figures = self.figures.of(Kind::Pod);
        let uid = body.metadata.uid.as_str();
        // What is known of a pod takes expressions to find out: spans do not wait for that.
        let (pod, cut) = self.rules.pod(body, &self.known.read().others);
        let keys = self.rules.keys(&pod);
        let mut known = self.known.write();
        if uid.is_empty()
            || (known.pods.len() >= self.rules.max_objects && !known.pods.contains_key(uid))
        {
            drop(known);
            return self.refuse(Kind::Pod);
        }
        count(&figures.cut, cut);
        let due = now + self.rules.grace;
        let limit = self.rules.max_objects.saturating_mul(KEYS_OF_POD);
        let refused = known.register(Arc::new(pod), keys, due, limit);
        drop(known);
        if refused > 0 {
            self.refuse(Kind::Pod);
        }
    }

    fn set_other(&self, kind: Kind, body: &Body) {
        let metadata = &body.metadata;
        let key = match kind {
            Kind::Namespace | Kind::Node => metadata.name.as_str(),
            _ => metadata.uid.as_str(),
        };
        let texts = self.rules.of_other(kind, metadata);
        let (attributes, cut) = texts.within(self.rules.max_object_bytes);
        count(&self.figures.of(kind).cut, cut);
        let above = match kind {
            Kind::ReplicaSet => metadata.controller("Deployment"),
            Kind::Job => metadata.controller("CronJob"),
            _ => None,
        };
        let mut known = self.known.write();
        let round = known.rounds[kind.index()];
        let others = &mut known.others.0[kind.index()];
        if key.is_empty() || (others.len() >= self.rules.max_objects && !others.contains_key(key)) {
            drop(known);
            return self.refuse(kind);
        }
        let other = Other {
            uid: metadata.uid.as_str().into(),
            attributes,
            owner_name: above.map_or("", |owner| &owner.name).into(),
            owner_uid: above.map_or("", |owner| &owner.uid).into(),
            round,
        };
        others.insert(key.into(), other);
    }

    fn refuse(&self, kind: Kind) {
        count(&self.figures.of(kind).refused, 1);
    }
}

impl Rules {
    /// What is remembered of a pod, and how many of its attributes are not.
    fn pod(&self, body: &Body, others: &Others) -> (Pod, u64) {
        let (metadata, spec, status) = (&body.metadata, &body.spec, &body.status);
        let is_ignored = self.ignores(metadata);
        let (mut attributes, mut containers, mut cut) = (Vec::new(), Containers::default(), 0);
        if !is_ignored {
            (attributes, cut) = self.of_pod(body, others).within(self.max_object_bytes);
            containers = Containers::of(body, self);
            if containers.bytes() > self.max_object_bytes {
                containers = Containers::default();
                cut += 1;
            }
        }
        let mut owners = Vec::new();
        if self.needs_owners() {
            for owner in metadata.owners() {
                owners.extend(self.owner(&owner.kind, &owner.uid, others));
            }
        }
        let needs_node = self.has_any(&[PodField::NodeName, PodField::NodeUid]);
        let node = spec.node_name.as_deref().filter(|_| needs_node);
        let started = status.start_time.as_ref();
        let pod = Pod {
            name: metadata.name.as_str().into(),
            namespace: metadata.namespace.as_str().into(),
            uid: metadata.uid.as_str().into(),
            address: status.pod_ip.as_deref().unwrap_or_default().into(),
            node: node.unwrap_or_default().into(),
            has_host_network: spec.host_network == Some(true),
            owners,
            attributes,
            containers,
            started: started.and_then(|at| at.parse().ok()),
            is_ignored,
        };
        (pod, cut)
    }

    /// An owner of a pod, and who owns that.
    fn owner(&self, kind: &str, uid: &str, others: &Others) -> Vec<(Kind, Box<str>)> {
        let (kind, above) = match kind {
            "ReplicaSet" => (Kind::ReplicaSet, Some(Kind::Deployment)),
            "Job" => (Kind::Job, Some(Kind::CronJob)),
            "StatefulSet" => (Kind::StatefulSet, None),
            "DaemonSet" => (Kind::DaemonSet, None),
            _ => return Vec::new(),
        };
        let mut owners = vec![(kind, uid.into())];
        let known = others.get(kind, uid).map(|known| known.owner_uid.clone());
        let known = known.filter(|uid| !uid.is_empty());
        owners.extend(above.zip(known));
        owners
    }
}

impl Known {
    pub(crate) fn pod(&self, key: &[u8]) -> Option<&Pod> {
        let pod = self.by_key.get(key)?;
        (!pod.is_ignored).then_some(&**pod)
    }

    /// Lets a pod be found by these keys, unless a later one has them. Answers for how many there is no room.
    fn register(&mut self, pod: Arc<Pod>, keys: Vec<Key>, due: Moment, limit: usize) -> usize {
        let mut refused = 0;
        for key in &keys {
            if let Some(other) = self.by_key.get_mut(key) {
                let is_older =
                    matches!((pod.started, other.started), (Some(own), Some(other)) if own < other);
                if !is_older {
                    *other = Arc::clone(&pod);
                }
                continue;
            }
            // Those that are gone make room for those that are there.
            while self.by_key.len() >= limit && self.forget_oldest() {}
            if self.by_key.len() >= limit {
                refused += 1;
                continue;
            }
            self.by_key.insert(Arc::clone(key), Arc::clone(&pod));
        }
        let round = self.rounds[Kind::Pod.index()];
        let uid = pod.uid.clone();
        let registered = Registered { pod, keys, round };
        let before = self.pods.insert(uid.clone(), registered);
        if let Some(before) = before {
            let now = self.pods.get(&uid).map_or(&[][..], |now| &now.keys);
            let left = before.keys.iter().filter(|key| !now.contains(key));
            let left: Vec<_> = left.cloned().collect();
            self.leave(left, &before.pod, due);
        }
        refused
    }

    /// A pod that is gone is found until then.
    fn release(&mut self, uid: &str, due: Moment) {
        if let Some(gone) = self.pods.remove(uid) {
            self.leave(gone.keys, &gone.pod, due);
        }
    }

    fn leave(&mut self, keys: Vec<Key>, pod: &Arc<Pod>, due: Moment) {
        for key in keys {
            let known = self.by_key.get(&key);
            if known.is_some_and(|known| Arc::ptr_eq(known, pod)) {
                let pod = Arc::clone(pod);
                self.leaving.push_back(Leaving { due, key, pod });
            }
        }
    }

    /// Forgets the key that was to be forgotten next, unless somebody else has it by now.
    fn forget_oldest(&mut self) -> bool {
        let Some(oldest) = self.leaving.pop_front() else {
            return false;
        };
        let known = self.by_key.get(&oldest.key);
        if known.is_some_and(|known| Arc::ptr_eq(known, &oldest.pod)) {
            self.by_key.remove(&oldest.key);
        }
        true
    }

    /// Gives back what many pods needed that are gone.
    fn shrink(&mut self) {
        if self.by_key.capacity() > 4 * self.by_key.len().max(256) {
            self.by_key.shrink_to_fit();
            self.pods.shrink_to_fit();
            self.leaving.shrink_to_fit();
        }
    }
}
