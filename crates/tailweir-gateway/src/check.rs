//! What a start would refuse beside policies, found without starting anything.

use crate::Gateway;
use crate::console::Console;
use crate::error::StartError;
use crate::graph::{Blueprint, patterns};
use crate::scraping::Scraping;
use crate::spools;
use crate::surroundings::World;
use std::collections::BTreeSet;
use tailweir_config::{ComponentId, Connector, Exporter, Processor, Receiver, Settings};
use tailweir_connect::{Maker, Now, Origin, Routing};
use tailweir_core::Moment;
use tailweir_export::WrittenFiles;
use tailweir_transform::Dialect;

/// A mistake in the block of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The block, such as `processors::attributes`.
    pub block: String,
    /// The option inside it, its keys joined by `::`; empty for the whole block.
    pub option: String,
    /// What is wrong.
    pub message: String,
    /// Whether nothing but a file that the option names is wrong: it cannot be read here.
    pub is_unreadable: bool,
}

impl Gateway {
    /// Compiles every transform and connector and builds every exporter that is used, and lists all that is wrong. It
    /// binds no port, connects to nothing and creates no file; certificates of exporters are read.
    #[must_use]
    pub fn check(settings: &Settings) -> Vec<Mistake> {
        let mut found = Vec::new();
        for (id, receiver) in &settings.receivers {
            found.extend(check_receiver(id, receiver));
            found.extend(check_scraping(id, receiver));
        }
        for (id, storage) in spools::storages(settings) {
            found.extend(spools::missing(storage).map(|message| Mistake {
                block: format!("extensions::{id}"),
                option: "directory".to_owned(),
                message,
                is_unreadable: false,
            }));
        }
        for (id, processor) in &settings.processors {
            found.extend(check_transform(id, processor, settings));
        }
        let used: BTreeSet<_> = settings
            .pipelines
            .iter()
            .flat_map(|it| &it.exporters)
            .collect();
        for id in used {
            found.extend(check_connector(id, settings));
            found.extend(check_exporter(id, settings));
        }
        found
    }
}

fn check_receiver(id: &ComponentId, receiver: &Receiver) -> Option<Mistake> {
    let Receiver::Files(files) = receiver else {
        return None;
    };
    let error = patterns(id, files).err()?;
    Some(Mistake {
        block: format!("receivers::{id}"),
        option: "include".to_owned(),
        message: error.to_string(),
        is_unreadable: false,
    })
}

/// Rules are compiled, and certificates and credentials read.
fn check_scraping(id: &ComponentId, receiver: &Receiver) -> Option<Mistake> {
    let Receiver::Prometheus(settings) = receiver else {
        return None;
    };
    match Scraping::check(id, settings).err()? {
        StartError::Scraping {
            option,
            message,
            is_unreadable,
            ..
        } => Some(Mistake {
            block: format!("receivers::{id}"),
            option: keys(&option),
            message,
            is_unreadable,
        }),
        error => Some(Mistake {
            block: format!("receivers::{id}"),
            option: String::new(),
            message: error.to_string(),
            is_unreadable: false,
        }),
    }
}

fn check_transform(id: &ComponentId, processor: &Processor, settings: &Settings) -> Vec<Mistake> {
    let errors = match tailweir_transform::compile(processor, &dialect(settings)) {
        Err(errors) => errors.0,
        Ok(None) => return Vec::new(),
        Ok(Some(transform)) => {
            let users = settings
                .pipelines
                .iter()
                .filter(|it| it.processors.contains(id));
            let misfits = users.filter_map(|it| transform.check(it.id.signal).err());
            misfits.collect()
        }
    };
    let block = format!("processors::{id}");
    let mistakes = errors.into_iter().map(|error| Mistake {
        block: block.clone(),
        option: keys(&error.path),
        message: error.problem,
        is_unreadable: false,
    });
    mistakes.collect()
}

fn dialect(settings: &Settings) -> Dialect {
    Dialect {
        lambdas: settings.lambdas,
        surroundings: World::shared(),
    }
}

fn check_connector(id: &ComponentId, settings: &Settings) -> Option<Mistake> {
    let origin = Origin {
        now: Now {
            moment: Moment::ZERO,
            unix_nanos: 0,
        },
        instance: String::new(),
        seed: 0,
        dialect: dialect(settings),
        is_one_of_many: false,
    };
    let error = match settings.connectors.get(id)? {
        Connector::Routing(routing) => Routing::new(routing, &origin.dialect).err()?,
        connector => Maker::new(connector, &origin).err()?,
    };
    Some(Mistake {
        block: format!("connectors::{id}"),
        option: error.option().to_owned(),
        message: error.to_string(),
        is_unreadable: false,
    })
}

fn check_exporter(id: &ComponentId, settings: &Settings) -> Option<Mistake> {
    // These open files, which is for those who run.
    if matches!(
        settings.exporters.get(id)?,
        Exporter::File(_) | Exporter::Debug(_)
    ) {
        return None;
    }
    let built = Blueprint::of(id, settings).and_then(|blueprint| match blueprint {
        Some(blueprint) => {
            let (console, files) = (Console::default(), WrittenFiles::default());
            blueprint.build(id, &console, &files, 0).map(drop)
        }
        None => Ok(()),
    });
    let block = format!("exporters::{id}");
    match built.err()? {
        StartError::Exporter { source, .. } => Some(Mistake {
            block,
            option: keys(&source.option),
            message: source.message,
            is_unreadable: source.is_unreadable,
        }),
        error => Some(Mistake {
            block,
            option: String::new(),
            message: error.to_string(),
            is_unreadable: false,
        }),
    }
}

/// `actions[1].pattern` as the keys of a configuration are joined: `actions::1::pattern`.
fn keys(path: &str) -> String {
    let parts = path.split(['.', '[', ']']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("::")
}

#[cfg(test)]
mod tests {
    use super::keys;

    /// Scenario: paths of options as other rooms write them.
    /// Guarantees: they become keys as the configuration's diagnostics have them.
    #[test]
    fn paths_become_keys() {
        assert_eq!(keys("actions[1].pattern"), "actions::1::pattern");
        assert_eq!(keys("tls.ca_file"), "tls::ca_file");
        assert_eq!(keys(""), "");
    }
}
