//! An installed PostgreSQL, and the user of the operating system that runs it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::TestError;

/// The programs that a server needs.
const PROGRAMS: [&str; 2] = ["initdb", "postgres"];

/// The folder of the programs: a given one, that of `pg_config`, those in `PATH`, or the newest one in the usual places.
pub(super) fn programs(given: Option<&Path>) -> Result<PathBuf, TestError> {
    let folders = given.map_or_else(usual_folders, |folder| vec![folder.join("bin"), folder.to_owned()]);
    let has_programs = |folder: &&PathBuf| PROGRAMS.iter().all(|name| folder.join(name).is_file());
    let found = folders.iter().find(has_programs).cloned();
    found.ok_or(TestError::NoInstallation { folders })
}

fn usual_folders() -> Vec<PathBuf> {
    let configured = Command::new("pg_config").arg("--bindir").output().ok();
    let configured = configured.filter(|output| output.status.success());
    let mut folders: Vec<PathBuf> = configured
        .map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
        .into_iter()
        .collect();
    folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    let places = [
        ("/usr/lib/postgresql", ""),
        ("/opt/homebrew/opt", "postgresql@"),
        ("/usr/local/opt", "postgresql@"),
    ];
    for (place, prefix) in places {
        folders.extend(versions(Path::new(place), prefix).into_iter().map(|folder| folder.join("bin")));
    }
    folders
}

/// The folders of a place whose names are a prefix and a version, the newest version first.
fn versions(place: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path()))
        })
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

/// A user of the operating system to run the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl User {
    /// The user `postgres` or `nobody` if this process runs as root. `None` means the current user.
    pub(super) fn for_server() -> Result<Option<Self>, TestError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let user = ["postgres", "nobody"].iter().find_map(|name| Self::find(&users, name));
        user.map(Some).ok_or(TestError::RunsAsRoot)
    }

    fn find(users: &str, name: &str) -> Option<Self> {
        let mut fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let found = fields.find(|fields| fields.first() == Some(&name))?;
        Some(Self { uid: found.get(2)?.parse().ok()?, gid: found.get(3)?.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_first_and_other_folders_are_left_out() {
        let place = tempfile::tempdir().unwrap();
        for name in ["9", "15", "17", "common"] {
            std::fs::create_dir(place.path().join(name)).unwrap();
        }
        let names: Vec<_> = versions(place.path(), "")
            .into_iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["17", "15", "9"]);
    }

    #[test]
    fn a_folder_without_the_programs_is_an_error_that_names_it() {
        let place = tempfile::tempdir().unwrap();
        let error = programs(Some(place.path())).unwrap_err().to_string();
        assert!(error.contains(&place.path().display().to_string()), "{error}");
    }

    #[test]
    fn users_are_found_by_name() {
        let users = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533::/:/bin/false\nbroken\n";
        assert_eq!(User::find(users, "nobody"), Some(User { uid: 65534, gid: 65533 }));
        assert_eq!(User::find(users, "postgres"), None);
        assert_eq!(User::find(users, "broken"), None);
    }
}
