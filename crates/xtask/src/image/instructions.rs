//! What the last stage of a Dockerfile says about how the image is run.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// The instructions that become the configuration of the image.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Instructions {
    environment: Vec<String>,
    labels: Vec<(String, String)>,
    ports: Vec<String>,
    user: String,
    folder: String,
    stop_signal: String,
    entrypoint: Vec<String>,
}

impl Instructions {
    /// Reads the stage behind the last `FROM`; `arguments` are the values of its `ARG`s.
    ///
    /// # Errors
    /// On an instruction that is not known here: it would be lost silently.
    pub(super) fn of_last_stage(dockerfile: &str, arguments: &[(&str, &str)]) -> Result<Self> {
        let (_, stage) = dockerfile
            .rsplit_once("\nFROM ")
            .context("the Dockerfile has no FROM")?;
        let mut found = Self::default();
        for line in stage.lines().skip(1).map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (word, rest) = line
                .split_once(' ')
                .with_context(|| format!("{line}: no value"))?;
            let rest = arguments
                .iter()
                .fold(rest.to_owned(), |text, (name, value)| {
                    text.replace(&format!("${{{name}}}"), value)
                });
            found.take(word, &rest)?;
        }
        Ok(found)
    }

    fn take(&mut self, word: &str, rest: &str) -> Result<()> {
        match word {
            "ARG" | "COPY" => {}
            "ENV" => {
                let (name, value) = pair(rest)?;
                self.environment.push(format!("{name}={value}"));
            }
            "LABEL" => self.labels.push(pair(rest)?),
            "EXPOSE" => self
                .ports
                .extend(rest.split(' ').map(|port| format!("{port}/tcp"))),
            "USER" => rest.clone_into(&mut self.user),
            "WORKDIR" => rest.clone_into(&mut self.folder),
            "STOPSIGNAL" => rest.clone_into(&mut self.stop_signal),
            "ENTRYPOINT" => self.entrypoint = serde_json::from_str(rest)?,
            _ => bail!(
                "the last stage of the Dockerfile has {word}, which `cargo xtask image` does not know"
            ),
        }
        Ok(())
    }

    /// As the `config` of an OCI image configuration.
    pub(super) fn configuration(&self) -> Value {
        let labels: Value = self
            .labels
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        let ports: Value = self
            .ports
            .iter()
            .map(|port| (port.clone(), json!({})))
            .collect();
        json!({
            "User": self.user,
            "Env": self.environment,
            "Entrypoint": self.entrypoint,
            "WorkingDir": self.folder,
            "ExposedPorts": ports,
            "Labels": labels,
            "StopSignal": self.stop_signal,
        })
    }

    /// Labels, which are the annotations of the manifest too.
    pub(super) fn annotations(&self) -> Value {
        self.configuration()["Labels"].take()
    }
}

/// `name="value"`.
fn pair(text: &str) -> Result<(String, String)> {
    let (name, value) = text
        .split_once('=')
        .with_context(|| format!("{text} is no name=\"value\""))?;
    Ok((name.to_owned(), value.trim_matches('"').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::Instructions;
    use serde_json::json;

    /// Scenario: a Dockerfile with a builder, and a stage that uses an argument.
    /// Guarantees: only the last stage counts, and its arguments have their values.
    #[test]
    fn the_last_stage_says_how_the_image_is_run() {
        let dockerfile = "FROM rust AS builder\nUSER root\n\nFROM scratch\nARG VERSION=0\nLABEL a.version=\"${VERSION}\"\n\
            ENV PATH=\"/bin\"\nUSER 1:1\nEXPOSE 1 2\nENTRYPOINT [\"x\", \"y\"]\n";
        let read = Instructions::of_last_stage(dockerfile, &[("VERSION", "7")]).unwrap();
        let configuration = read.configuration();
        assert_eq!(configuration["User"], "1:1");
        assert_eq!(configuration["Env"], json!(["PATH=/bin"]));
        assert_eq!(configuration["Labels"], json!({"a.version": "7"}));
        assert_eq!(
            configuration["ExposedPorts"],
            json!({"1/tcp": {}, "2/tcp": {}})
        );
        assert_eq!(configuration["Entrypoint"], json!(["x", "y"]));
    }

    /// Scenario: the last stage has an instruction that is not known here.
    /// Guarantees: it is refused by name, so that the two ways to build cannot drift apart.
    #[test]
    fn an_unknown_instruction_is_refused() {
        let error = Instructions::of_last_stage("\nFROM scratch\nHEALTHCHECK NONE\n", &[]);
        assert!(error.unwrap_err().to_string().contains("HEALTHCHECK"));
    }
}
