//! A controller with the real Raft for tests, alone with what others send it.

use super::Running;
use crate::disk::Folder;
use crate::settings::{ControllerSettings, Pace};
use crate::store::Store;
use std::path::Path;
use std::time::Duration;
use tailweir_link::{Identity, Link, Roles, Security};

/// One that has begun with its log in this folder, is in no cluster yet, and expects itself and no other to found one. Nobody else wants
/// to lead within a test, however slow.
pub(crate) async fn alone(
    name: &str,
    address: &str,
    folder: &Path,
) -> (ControllerSettings, Link, Running) {
    let settings = ControllerSettings {
        cluster: "test".to_owned(),
        name: name.to_owned(),
        address: address.to_owned(),
        seeds: vec![address.to_owned()],
        disk: Folder::at(folder),
        copies: 2,
        lease: Duration::from_secs(3),
        pace: Pace {
            heartbeat: Duration::from_millis(50),
            election: Duration::from_secs(60)..Duration::from_secs(90),
            search: Duration::from_millis(50),
        },
    };
    let identity = Identity::new("test", Roles::CONTROLLER, name).unwrap();
    let link = Link::new(identity, &Security::Insecure).unwrap();
    let store = Store::open(&settings.disk, false).unwrap();
    let running = Running::start(1, store, &settings, &link).await.unwrap();
    (settings, link, running)
}
