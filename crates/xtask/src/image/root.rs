//! The files of the image.

use anyhow::Result;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tar::{Builder, EntryType, Header};

/// The user that the image runs as; "nonroot" of distroless images has the same number.
const USER: u64 = 65532;
const PASSWD: &str = "root:x:0:0:root:/:/sbin/nologin\ntailweir:x:65532:65532:tailweir:/var/lib/tailweir:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\ntailweir:x:65532:\n";

/// For whoever runs it without an engine that brings one.
const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n";
const NAME_SERVICES: &str = "hosts: files dns\n";

/// A folder (without content) or a file.
struct Entry {
    path: &'static str,
    mode: u32,
    owner: u64,
    content: Option<Vec<u8>>,
}

/// The root file system, folders before what is in them.
pub(super) struct RootFolder(Vec<Entry>);

impl RootFolder {
    pub(super) fn new(binary: Vec<u8>, bill: Vec<u8>, licence: Vec<u8>) -> Self {
        let folder = |path| Entry {
            path,
            mode: 0o755,
            owner: 0,
            content: None,
        };
        let file = |path, content| Entry {
            path,
            mode: 0o644,
            owner: 0,
            content: Some(content),
        };
        Self(vec![
            folder("etc"),
            file("etc/group", GROUP.into()),
            file("etc/hosts", HOSTS.into()),
            file("etc/nsswitch.conf", NAME_SERVICES.into()),
            file("etc/passwd", PASSWD.into()),
            folder("etc/tailweir"),
            folder("usr"),
            folder("usr/local"),
            folder("usr/local/bin"),
            Entry {
                mode: 0o755,
                ..file("usr/local/bin/tailweir", binary)
            },
            folder("usr/share"),
            folder("usr/share/tailweir"),
            file("usr/share/tailweir/LICENSE", licence),
            file("usr/share/tailweir/tailweir.cdx.json", bill),
            folder("var"),
            folder("var/lib"),
            Entry {
                owner: USER,
                mode: 0o700,
                ..folder("var/lib/tailweir")
            },
        ])
    }

    /// One file, `/program`.
    pub(super) fn of_program(program: Vec<u8>) -> Self {
        Self(vec![Entry {
            path: "program",
            mode: 0o755,
            owner: 0,
            content: Some(program),
        }])
    }

    /// As a tar archive, with the time 0 everywhere.
    pub(super) fn archive(&self) -> Result<Vec<u8>> {
        let mut archive = Builder::new(Vec::new());
        for entry in &self.0 {
            let content = entry.content.as_deref().unwrap_or_default();
            let mut header = Header::new_ustar();
            header.set_entry_type(match entry.content {
                Some(_) => EntryType::Regular,
                None => EntryType::Directory,
            });
            header.set_mode(entry.mode);
            header.set_uid(entry.owner);
            header.set_gid(entry.owner);
            header.set_size(content.len() as u64);
            header.set_mtime(0);
            archive.append_data(&mut header, entry.path, content)?;
        }
        Ok(archive.into_inner()?)
    }

    /// As files below a folder; owners are set when this process may.
    pub(super) fn write_to(&self, folder: &Path) -> Result<()> {
        for entry in &self.0 {
            let path = folder.join(entry.path);
            match &entry.content {
                Some(content) => fs::write(&path, content)?,
                None => fs::create_dir_all(&path)?,
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(entry.mode))?;
            let owner = Some(entry.owner as u32);
            // Only root may; a build in a container is root.
            let _ = std::os::unix::fs::chown(&path, owner, owner);
        }
        Ok(())
    }
}
