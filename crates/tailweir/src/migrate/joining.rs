//! The tree into which two tiers are joined.

use super::collector::is_balancer;
use super::{Report, entries, items, kind};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The samplers' tree, while what the front tier has comes into it.
pub(super) struct Joining<'a> {
    front: &'a Value,
    tree: Value,
    /// By section and id in the front tier: the id here.
    names: BTreeMap<(&'static str, String), String>,
    pub(super) report: &'a mut Report,
}

impl<'a> Joining<'a> {
    pub(super) fn new(front: &'a Value, samplers: &Value, report: &'a mut Report) -> Self {
        Self {
            front,
            tree: samplers.clone(),
            names: BTreeMap::new(),
            report,
        }
    }

    /// Takes a pipeline over, with a further end; returns its name.
    pub(super) fn take(&mut self, id: &str, pipeline: &Value, end: Option<&str>) -> String {
        let mut taken = self.bring(pipeline);
        if let Some(end) = end {
            let mut ends = items(&taken["exporters"]).to_vec();
            ends.push(json!(end));
            taken["exporters"] = Value::Array(ends);
        }
        let pipelines = &mut self.tree["service"]["pipelines"];
        let name = free_name(pipelines, id);
        pipelines[&name] = taken;
        self.names
            .insert(("pipelines", id.to_owned()), name.clone());
        name
    }

    /// Puts a pipeline that does nothing but balance in front of the one that it fed by these receivers.
    pub(super) fn put_in_front(
        &mut self,
        id: &str,
        pipeline: &Value,
        inner: &str,
        wire: &[&Value],
    ) {
        let mut brought = self.bring(pipeline);
        self.feed(inner, items(&brought["receivers"]), wire);
        self.tell_apart(&mut brought["processors"], inner);
        let place = &mut self.tree["service"]["pipelines"][inner];
        let both = [&brought, &*place].map(|it| items(&it["processors"]));
        let processors = both.concat();
        if !processors.is_empty() {
            place["processors"] = Value::Array(processors);
        }
        self.names
            .insert(("pipelines", id.to_owned()), inner.to_owned());
        self.report.changed(format!("pipeline {id}"), format!("its receivers and processors are now at the head of {inner}; the load_balancing exporter is gone, members of a `cluster` bring each span to its owner"));
    }

    /// Gives processors that a pipeline has already names of their own: it lists each once.
    fn tell_apart(&mut self, brought: &mut Value, inner: &str) {
        let there = items(&self.tree["service"]["pipelines"][inner]["processors"]).to_vec();
        let processors = &mut self.tree["processors"];
        for id in brought.as_array_mut().into_iter().flatten() {
            if let Some(known) = id.as_str().filter(|_| there.contains(id)) {
                let (settings, name) = (processors[known].clone(), free_name(processors, known));
                processors[&name] = settings;
                *id = json!(name);
            }
        }
    }

    /// Takes pipelines over that balance, and feeds those that they fed through a connector.
    pub(super) fn forward(&mut self, fronts: &[(&str, &Value)], fed: &[&str], wire: &[&Value]) {
        let known = self
            .names
            .get(&("connectors", "forward".to_owned()))
            .cloned();
        let connector = known.unwrap_or_else(|| free_name(&self.tree["connectors"], "forward"));
        self.tree["connectors"][&connector] = json!({});
        self.names
            .insert(("connectors", "forward".to_owned()), connector.clone());
        for (id, pipeline) in fronts {
            let name = self.take(id, pipeline, Some(&connector));
            self.report.changed(format!("pipeline {id}"), format!("taken over as {name}; in place of the load_balancing exporter, {connector} leads to {}", fed.join(", ")));
        }
        for inner in fed {
            self.feed(inner, &[json!(connector)], wire);
        }
    }

    /// Gives a pipeline these receivers in place of those that took from the front tier.
    fn feed(&mut self, inner: &str, receivers: &[Value], wire: &[&Value]) {
        let place = &mut self.tree["service"]["pipelines"][inner];
        let own = items(&place["receivers"]).iter();
        let own = own.filter(|id| !wire.contains(id) && !receivers.contains(id));
        let all: Vec<_> = own.chain(receivers).cloned().collect();
        place["receivers"] = Value::Array(all);
    }

    /// Says of a pipeline that took nothing from the front tier, by a receiver which did, that this is now the clients' own.
    pub(super) fn tell_of_clients(&mut self, id: &str, wire: &[&Value]) {
        let pipeline = &self.tree["service"]["pipelines"][id];
        let taken = items(&pipeline["receivers"]).iter();
        for receiver in taken.filter(|id| wire.contains(id)) {
            let receiver = receiver.as_str().unwrap_or_default();
            self.report.changed(format!("pipeline {id}"), format!("takes what clients send to {receiver}; the front tier sent it nothing: remove it if nobody else did"));
        }
    }

    /// Copies what a pipeline uses into the tree; returns the pipeline with the names that things have there.
    fn bring(&mut self, pipeline: &Value) -> Value {
        let mut ids = Map::new();
        for part in ["receivers", "processors", "exporters"] {
            let mut names = Vec::new();
            let used = items(&pipeline[part]).iter().filter(|id| !is_balancer(id));
            for id in used.filter_map(Value::as_str) {
                let section = match self.front["connectors"].get(id) {
                    Some(_) => "connectors",
                    None => part,
                };
                names.push(json!(self.name(section, id)));
            }
            if !names.is_empty() {
                ids.insert(part.to_owned(), Value::Array(names));
            }
        }
        Value::Object(ids)
    }

    /// The name of a component of the front tier, which comes into the tree with the first use.
    fn name(&mut self, section: &'static str, id: &str) -> String {
        let key = (section, id.to_owned());
        if let Some(name) = self.names.get(&key) {
            return name.clone();
        }
        let mut settings = self.front[section][id].clone();
        // A `spanmetrics` processor names an exporter.
        if let Some(exporter) = settings.get("metrics_exporter").and_then(Value::as_str) {
            settings["metrics_exporter"] = json!(self.name("exporters", exporter));
        }
        let is_taken = match self.tree[section].get(id) {
            None => false,
            // Those of the samplers took what came from the front tier.
            Some(_) if section == "receivers" => false,
            // One of both tiers would mix what they count.
            Some(_) if section == "connectors" => true,
            Some(there) => *there != settings,
        };
        let name = match is_taken {
            true => free_name(&self.tree[section], id),
            false => id.to_owned(),
        };
        if is_taken {
            let how = format!("is now {name}, as the samplers have one of that name");
            self.report
                .changed(format!("{section} {id} of the front tier"), how);
        }
        self.tree[section][&name] = settings;
        self.names.insert(key, name.clone());
        name
    }

    /// Brings what is no pipeline, and removes what nothing uses any more.
    pub(super) fn finish(mut self) -> Value {
        self.rename_routes();
        self.remove_unused_receivers();
        let extensions = items(&self.front["service"]["extensions"]).iter();
        for id in extensions.filter_map(Value::as_str) {
            self.bring_extension(id);
        }
        if let Some(telemetry) = self.front["service"].get("telemetry") {
            let service = &mut self.tree["service"];
            match service.get("telemetry") {
                None => service["telemetry"] = telemetry.clone(),
                Some(_) => self.report.unsupported(
                    "service.telemetry of the front tier",
                    "that of the samplers holds",
                ),
            }
        }
        self.tree
    }

    /// `routing` connectors of the front tier name its pipelines.
    fn rename_routes(&mut self) {
        let renamed = |id: &mut Value| {
            let key = id.as_str().map(|id| ("pipelines", id.to_owned()));
            if let Some(name) = key.and_then(|key| self.names.get(&key)) {
                *id = json!(name);
            }
        };
        for ((section, id), name) in &self.names {
            if *section != "connectors" || kind(id) != "routing" {
                continue;
            }
            let routing = &mut self.tree["connectors"][name];
            let lists = ["/default_pipelines".to_owned()].into_iter();
            let routes = 0..items(&routing["table"]).len();
            let lists = lists.chain(routes.map(|route| format!("/table/{route}/pipelines")));
            for list in lists {
                let ids = routing.pointer_mut(&list).and_then(Value::as_array_mut);
                ids.into_iter().flatten().for_each(renamed);
            }
        }
    }

    fn bring_extension(&mut self, id: &str) {
        let settings = &self.front["extensions"][id];
        match self.tree["extensions"].get(id) {
            Some(there) if there != settings => {
                let why = "the samplers have another one of that name, which holds";
                self.report
                    .unsupported(format!("extension {id} of the front tier"), why);
                return;
            }
            Some(_) => {}
            None => self.tree["extensions"][id] = settings.clone(),
        }
        let mut listed = items(&self.tree["service"]["extensions"]).to_vec();
        if !listed.iter().any(|there| there == id) {
            listed.push(json!(id));
            self.tree["service"]["extensions"] = Value::Array(listed);
        }
    }

    /// Receivers that only took what the front tier sent.
    fn remove_unused_receivers(&mut self) {
        let pipelines = entries(&self.tree["service"]["pipelines"]);
        let used: Vec<_> = pipelines
            .flat_map(|(_, it)| items(&it["receivers"]).to_vec())
            .collect();
        let Some(all) = self.tree["receivers"].as_object_mut() else {
            return;
        };
        let is_unused = |id: &&String| !used.iter().any(|used| used == *id);
        for id in all.keys().filter(is_unused).cloned().collect::<Vec<_>>() {
            all.remove(&id);
            self.report.changed(
                format!("receivers {id}"),
                "removed, nothing uses it any more",
            );
        }
    }
}

fn free_name(section: &Value, id: &str) -> String {
    if section.get(id).is_none() {
        return id.to_owned();
    }
    let base = if id.contains('/') {
        format!("{id}_front")
    } else {
        format!("{id}/front")
    };
    let mut names =
        std::iter::once(base.clone()).chain((2..).map(|number| format!("{base}_{number}")));
    names
        .find(|name| section.get(name).is_none())
        .unwrap_or(base)
}
