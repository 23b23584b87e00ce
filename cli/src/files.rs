//! Small files that the command reads whole.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;

use secrecy::SecretString;

/// Reads a regular file of at most this many bytes.
///
/// A FIFO or a device can block the command or never end, so it is refused.
pub(crate) fn read(
    path: &Path,
    most_bytes: u64,
    check: impl FnOnce(&Metadata) -> Result<(), String>,
) -> Result<SecretString, String> {
    let mut file = open(path).map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("is not a regular file, but a folder, a FIFO, a device or a socket; name a regular file"
            .to_owned());
    }
    check(&metadata)?;
    let mut text = String::new();
    // A file can grow while it is read.
    file.by_ref().take(most_bytes).read_to_string(&mut text).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => "is not text in UTF-8; save it as UTF-8".to_owned(),
        _ => error.to_string(),
    })?;
    let text = SecretString::from(text);
    if metadata.len() > most_bytes || file.read(&mut [0]).map_err(|error| error.to_string())? > 0 {
        return Err(format!("has more than {most_bytes} bytes; name a smaller file"));
    }
    Ok(text)
}

/// Opens a file without waiting for the writer of a FIFO.
#[cfg(unix)]
fn open(path: &Path) -> std::io::Result<File> {
    use rustix::fs::{Mode, OFlags};

    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

#[cfg(not(unix))]
fn open(path: &Path) -> std::io::Result<File> {
    File::open(path)
}

/// Refuses a file that every user of the machine can read or change.
pub(crate) fn refuse_public(metadata: &Metadata) -> Result<(), String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o006 != 0 {
            return Err(format!(
                "can be read or changed by every user of the machine (its mode is {mode:03o}); run chmod 600 on it"
            ));
        }
    }
    #[cfg(not(unix))]
    let _ = metadata;
    Ok(())
}
