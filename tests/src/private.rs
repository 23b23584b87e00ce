//! A server of one test, which can be killed, stopped and started again.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// A private server with durable writes, in a directory of its own.
#[derive(Debug)]
pub struct PrivateServer {
    program: PathBuf,
    data: PathBuf,
    running: Child,
    urls: serde_json::Value,
}

impl PrivateServer {
    /// The program of the embedded server, which `cargo xtask test` builds, if it is there.
    #[must_use]
    pub fn program() -> Option<PathBuf> {
        let test = std::env::current_exe().ok()?;
        let program = test.parent()?.parent()?.join("watertight-postgres");
        program.is_file().then_some(program)
    }

    /// Starts a server.
    ///
    /// # Errors
    /// When the program does not start or prints no URLs.
    pub fn start(program: PathBuf, data: &Path) -> Result<Self> {
        let (running, urls) = start(&program, data)?;
        Ok(Self { program, data: data.to_owned(), running, urls })
    }

    /// The URL of a role: `owner_url`, `app_url`, `maintenance_url` or `superuser_url`.
    ///
    /// # Errors
    /// When there is no such role.
    pub fn url(&self, role: &str) -> Result<String> {
        self.urls.get(role).and_then(|url| url.as_str()).map(str::to_owned).context("a URL")
    }

    /// Kills every process of the server, as a crash of the machine does.
    ///
    /// # Errors
    /// When the processes cannot be signaled.
    pub fn kill(&mut self) -> Result<()> {
        self.signal("KILL")?;
        self.running.wait()?;
        // A killed server leaves the directory of its socket.
        let sockets = self.url("app_url")?.split_once("host=").map(|(_, folder)| PathBuf::from(folder));
        if let Some(sockets) = sockets {
            std::fs::remove_dir_all(&sockets).ok();
            std::fs::remove_file(sockets.with_extension("log")).ok();
        }
        Ok(())
    }

    /// Starts the killed server again.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn restart(&mut self) -> Result<()> {
        // The killed processes may need some time to disappear.
        for _ in 0..30 {
            if let Ok(started) = start(&self.program, &self.data) {
                (self.running, self.urls) = started;
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(300));
        }
        bail!("the private server did not start again")
    }

    /// Signals every process of the server.
    ///
    /// # Errors
    /// When the processes cannot be signaled.
    pub fn signal(&self, signal: &str) -> Result<()> {
        let mut processes = vec![self.running.id().to_string()];
        let mut next = 0;
        while let Some(parent) = processes.get(next).cloned() {
            next += 1;
            let children = Path::new("/proc").join(&parent).join("task").join(&parent).join("children");
            let mut text = std::fs::read_to_string(children).unwrap_or_default();
            for task in std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten() {
                text.push(' ');
                text.push_str(&std::fs::read_to_string(task.path().join("children")).unwrap_or_default());
            }
            for child in text.split_whitespace().map(str::to_owned) {
                if !processes.contains(&child) {
                    processes.push(child);
                }
            }
        }
        // A process can have ended meanwhile.
        Command::new("kill").arg("-s").arg(signal).args(processes).stderr(Stdio::null()).status()?;
        Ok(())
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        self.signal("CONT").ok();
        self.kill().ok();
    }
}

fn start(program: &Path, data: &Path) -> Result<(Child, serde_json::Value)> {
    let mut running = Command::new(program)
        .arg("--data")
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(running.stdout.take().context("the output of the server")?).read_line(&mut line)?;
    ensure!(!line.is_empty(), "the private server did not start");
    Ok((running, serde_json::from_str(&line)?))
}
