//! The golden vectors of whole configurations, loaded.

use crate::Folder;
use serde_json::Value as Json;
use std::io;
use tailweir_config::{Environment, LoadOptions, Loaded, Sources, load};

/// The files of one case and its variables.
struct CaseEnvironment<'a> {
    folder: &'a Folder,
    case: &'a str,
    variables: &'a Json,
}

impl Environment for CaseEnvironment<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        Some(self.variables.get(name)?.as_str()?.to_owned())
    }

    fn read(&self, path: &str) -> io::Result<String> {
        let bytes = self.folder.get(&format!("{}/{path}", self.case));
        let bytes = bytes.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        String::from_utf8(bytes.to_vec()).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
    }
}

/// Loads the configuration of a case, with its files, flags and variables.
///
/// # Panics
/// When the vectors are not as their README says.
#[must_use]
pub fn load_case(folder: &Folder, case: &str) -> Loaded {
    let description = folder.json(&format!("{case}/case.json"));
    let mut sources = Sources::new();
    for uri in description["config"].as_array().expect("a list") {
        sources = sources.config(uri.as_str().expect("text"));
    }
    for argument in description["args"].as_array().expect("a list") {
        let argument = argument.as_str().expect("text");
        let (flag, value) = argument.split_once('=').expect("a flag with a value");
        sources = match flag {
            "--set" => sources.set(value),
            "--feature-gates" => sources.feature_gates(value),
            _ => panic!("{case}: unknown flag {flag}"),
        };
    }
    let variables = &description["env"];
    load(
        &sources,
        LoadOptions::default(),
        &CaseEnvironment {
            folder,
            case,
            variables,
        },
    )
}
