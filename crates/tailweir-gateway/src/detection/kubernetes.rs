//! What the API of Kubernetes says of the node that this process runs on, and of its cluster.

use super::{DetectionError, Found, text, wait_for};
use crate::kubernetes::{AskError, Connection};
use tailweir_config::KubernetesDetector;
use tailweir_kubernetes::{AnswerError, Kind, Named, read_one};

/// The namespace whose UID stands for the cluster's.
const SYSTEM_NAMESPACE: &str = "kube-system";

/// What is wanted and can be told. Without the name of the node, or a way to the API, that is an error; what the API does
/// not tell is one only if it `must_answer`.
pub(super) fn detect(
    settings: &KubernetesDetector,
    must_answer: bool,
) -> Result<Found, DetectionError> {
    let variable = settings.node_from_env_var.as_str();
    let node = std::env::var(variable).ok();
    let node = node.and_then(|name| Kind::Node.one(&name));
    let node = node.ok_or_else(|| DetectionError::Node {
        variable: variable.to_owned(),
    })?;
    let failed = |error: String| DetectionError::Kubernetes(error);
    let told = wait_for(async {
        let connection = Connection::new(settings.auth_type, &settings.context).await?;
        Ok(ask(settings, must_answer, &connection, &node).await)
    });
    let told = told.map_err(|error| failed(error.to_string()))?;
    match told.map_err(failed)? {
        Ok(found) => Ok(found),
        Err(error) if must_answer => Err(failed(error.to_string())),
        Err(error) => {
            tracing::warn!(%error, "nothing is found out from Kubernetes");
            Ok(Found::new())
        }
    }
}

async fn ask(
    settings: &KubernetesDetector,
    must_answer: bool,
    connection: &Connection,
    node: &str,
) -> Result<Found, AskError> {
    let mut found = Found::new();
    let mut put = |name: &str, value: &str| {
        if settings.wants(name) {
            found.push((name.to_owned(), text(value)));
        }
    };
    if settings.wants("k8s.node.name") || settings.wants("k8s.node.uid") {
        let node = one(connection, node).await?;
        put("k8s.node.name", &node.name);
        put("k8s.node.uid", &node.uid);
    }
    let namespace = Kind::Namespace.one(SYSTEM_NAMESPACE);
    if let Some(namespace) = namespace.filter(|_| settings.wants("k8s.cluster.uid")) {
        match one(connection, &namespace).await {
            Ok(namespace) => put("k8s.cluster.uid", &namespace.uid),
            Err(error) if must_answer && !is_forbidden(&error) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "`k8s.cluster.uid` is left out: allow to get the namespace kube-system");
            }
        }
    }
    Ok(found)
}

async fn one(connection: &Connection, path: &str) -> Result<Named, AskError> {
    let answer = connection.page(path, Kind::ACCEPT_ONE).await?;
    Ok(read_one(&answer)?)
}

/// Whoever may read nodes was not always allowed to read that namespace.
fn is_forbidden(error: &AskError) -> bool {
    matches!(
        error,
        AskError::Answer(AnswerError::Refused {
            code: 401 | 403,
            ..
        })
    )
}
