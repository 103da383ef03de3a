//! What is known of a pod's containers.

use crate::attributes::Attribute;
use crate::image::{ImageReference, canonical};
use crate::object::{Body, ContainerStatus};
use crate::rules::Rules;
use tailweir_config::PodField;
use tailweir_otlp::EncodedValue;

/// Containers of a pod of which anything is known. Few pods have more than ten.
const CONTAINERS_MAX: usize = 128;

/// A pod's containers.
#[derive(Debug, Default)]
pub(crate) struct Containers {
    containers: Vec<Container>,
    /// Ids, and whose they are. A container that does not run yet has an empty one.
    ids: Vec<(Box<str>, usize)>,
}

/// A container.
#[derive(Debug, Default)]
pub(crate) struct Container {
    name: Box<str>,
    /// In the order in which they are added.
    pub(crate) attributes: Vec<Attribute>,
    /// One for each run that is known, by the count of restarts.
    runs: Vec<(i64, Run)>,
}

/// A run of a container.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) attributes: Vec<Attribute>,
}

impl Containers {
    /// What the rules want to know.
    pub(crate) fn of(pod: &Body, rules: &Rules) -> Self {
        let mut containers = Self::default();
        if !rules.needs_containers() {
            return containers;
        }
        let needs_images = rules.has_any(&[
            PodField::ContainerImageName,
            PodField::ContainerImageTag,
            PodField::ContainerImageTags,
            PodField::ServiceVersion,
            PodField::ServiceInstanceId,
        ]);
        let (spec, status) = (&pod.spec, &pod.status);
        let specs = [&spec.containers, &spec.init_containers].into_iter();
        if needs_images {
            for spec in specs.flatten().flatten().take(CONTAINERS_MAX) {
                let image = spec.image.as_deref().unwrap_or_default();
                let container = containers.named(&spec.name);
                container.attributes = of_image(image, rules);
            }
        }
        let statuses = [&status.container_statuses, &status.init_container_statuses];
        for status in statuses
            .into_iter()
            .flatten()
            .flatten()
            .take(CONTAINERS_MAX)
        {
            containers.add_status(pod, status, rules);
        }
        containers
    }

    fn add_status(&mut self, pod: &Body, status: &ContainerStatus, rules: &Rules) {
        let id = status.container_id.as_deref().unwrap_or_default();
        let id = match id.split_once("://") {
            Some((_, id)) if !id.contains("://") => id,
            _ => id,
        };
        let container = self.named(&status.name);
        if rules.has(PodField::ContainerName) {
            container.put("k8s.container.name", &status.name);
        }
        if rules.has(PodField::ServiceInstanceId) {
            let metadata = &pod.metadata;
            let parts = [&metadata.namespace, &metadata.name, &status.name];
            let parts = parts.map(String::as_str);
            container.put("service.instance.id", &parts.join("."));
        }
        if rules.has_any(&[PodField::ContainerId, PodField::ContainerImageRepoDigests]) {
            let mut run = Run::default();
            if rules.has(PodField::ContainerId) && !id.is_empty() {
                run.attributes.push(Attribute::text("container.id", id));
            }
            let image = status.image_id.as_deref().unwrap_or_default();
            if rules.has(PodField::ContainerImageRepoDigests)
                && let Some(image) = canonical(image)
            {
                let image = EncodedValue::array(&[EncodedValue::string(image.as_bytes())]);
                run.attributes
                    .push(Attribute::new("container.image.repo_digests", image));
            }
            container
                .runs
                .retain(|(count, _)| *count != status.restart_count);
            container.runs.push((status.restart_count, run));
        }
        let place = self
            .containers
            .iter()
            .position(|it| *it.name == *status.name);
        self.ids.retain(|(known, _)| **known != *id);
        self.ids.extend(place.map(|place| (id.into(), place)));
    }

    fn named(&mut self, name: &str) -> &mut Container {
        let place = self.containers.iter().position(|it| *it.name == *name);
        let place = place.unwrap_or_else(|| {
            self.containers.push(Container {
                name: name.into(),
                ..Container::default()
            });
            self.containers.len() - 1
        });
        &mut self.containers[place]
    }

    /// The ids of those that run or ran.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        let ids = self.ids.iter().map(|(id, _)| &**id);
        ids.filter(|id| !id.is_empty())
    }

    /// The container that a resource names, by name or else by id; the only one where it names none.
    pub(crate) fn find(&self, name: Option<&[u8]>, id: Option<&[u8]>) -> Option<&Container> {
        if let Some(name) = name {
            let mut containers = self.containers.iter();
            return containers.find(|container| container.name.as_bytes() == name);
        }
        if let Some(id) = id {
            let mut ids = self.ids.iter();
            let (_, place) = ids.find(|(known, _)| known.as_bytes() == id)?;
            return self.containers.get(*place);
        }
        match (&*self.ids, &*self.containers) {
            ([(_, place)], containers) => containers.get(*place),
            (_, [container]) => Some(container),
            _ => None,
        }
    }

    /// Bytes of what is known.
    pub(crate) fn bytes(&self) -> usize {
        let ids = self.ids.iter().map(|(id, _)| id.len()).sum::<usize>();
        let containers = self.containers.iter().map(|container| {
            let runs = container.runs.iter().flat_map(|(_, run)| &run.attributes);
            let attributes = container.attributes.iter().chain(runs);
            container.name.len() + attributes.map(Attribute::bytes).sum::<usize>()
        });
        ids + containers.sum::<usize>()
    }
}

impl Container {
    /// The run of this number of restarts; the latest where none is given.
    pub(crate) fn run(&self, restarts: Option<i64>) -> Option<&Run> {
        let runs = self.runs.iter();
        let wanted = match restarts {
            Some(restarts) => restarts,
            None => runs.clone().map(|(count, _)| *count).max()?,
        };
        let mut runs = runs;
        runs.find(|(count, _)| *count == wanted).map(|(_, run)| run)
    }

    fn put(&mut self, name: &str, value: &str) {
        self.attributes.retain(|attribute| *attribute.name != *name);
        if !value.is_empty() {
            self.attributes.push(Attribute::text(name, value));
        }
    }
}

fn of_image(image: &str, rules: &Rules) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    let Some(image) = ImageReference::parse(image) else {
        return attributes;
    };
    let tag = image.tag.unwrap_or("latest");
    if rules.has(PodField::ContainerImageName) {
        attributes.push(Attribute::text("container.image.name", image.name));
    }
    if rules.has(PodField::ContainerImageTag) {
        attributes.push(Attribute::text("container.image.tag", tag));
    }
    if rules.has(PodField::ContainerImageTags) {
        let tags = EncodedValue::array(&[EncodedValue::string(tag.as_bytes())]);
        attributes.push(Attribute::new("container.image.tags", tags));
    }
    if rules.has(PodField::ServiceVersion)
        && let Some(version) = image.version()
    {
        attributes.push(Attribute::text("service.version", &version));
    }
    attributes
}
