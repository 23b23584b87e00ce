//! A private server of any PostgreSQL installation, such as `/usr/lib/postgresql/15`.
//!
//! `cargo xtask serve DIR` runs the server and ends with its parent, as the program of the embedded server does.

use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The variable that names an installation when `--server` does not.
const VARIABLE: &str = "WATERTIGHT_SERVER";

/// The roles of the embedded server; an empty line separates the statements.
const ROLES: &str = include_str!("../postgres/roles.sql");

const OWNER: &str = "watertight_owner";
const APP: &str = "watertight_app";
const MAINTENANCE: &str = "watertight_maintenance";
const SUPERUSER: &str = "postgres";
const DATABASE: &str = "watertight";

/// The time limit for the server to accept connections.
const START_LIMIT: Duration = Duration::from_mins(1);

/// The time limit for the server to stop.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// The settings of a server with temporary data.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", ""),
    ("max_connections", "207"),
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("log_min_messages", "panic"),
    ("timezone", "UTC"),
];

/// The folder with the programs of a PostgreSQL.
#[derive(Debug)]
pub(crate) struct Installation {
    programs: PathBuf,
}

impl Installation {
    /// The installation in a directory: the folder with `initdb` and `postgres`, or the parent of its `bin`.
    pub(crate) fn at(directory: &Path) -> Result<Self> {
        let directory = std::path::absolute(directory)?;
        let has_programs =
            |folder: &PathBuf| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file());
        match [directory.join("bin"), directory.clone()].into_iter().find(has_programs) {
            Some(programs) => Ok(Self { programs }),
            None => bail!(
                "neither {} nor its folder bin contains initdb and postgres; name a PostgreSQL installation, \
                 such as /usr/lib/postgresql/15",
                directory.display()
            ),
        }
    }

    /// The installation that `--server` or the environment names.
    pub(crate) fn chosen(argument: Option<&Path>) -> Result<Option<Self>> {
        if let Some(directory) = argument {
            return Self::at(directory).map(Some);
        }
        match std::env::var_os(VARIABLE) {
            None => Ok(None),
            Some(directory) if directory.is_empty() => {
                bail!("{VARIABLE} is empty; unset it for the embedded server")
            }
            Some(directory) => Self::at(Path::new(&directory)).map(Some),
        }
    }

    /// The path of a program, if the installation has it.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        Some(self.programs.join(name)).filter(|path| path.is_file())
    }

    /// The command that runs a server of this installation and ends with its standard input.
    pub(crate) fn serve_command(&self) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe().context("xtask cannot find its own program")?);
        command.arg("serve").arg(&self.programs);
        Ok(command)
    }

    /// Runs a server with a new data directory until standard input ends or a signal arrives.
    pub(crate) fn serve(&self) -> Result<()> {
        let ended = end_of_input_or_signal()?;
        let user = User::for_server()?;
        let directory = tempfile::tempdir().context("the data directory cannot be created")?;
        if let Some(user) = &user {
            chown(directory.path(), Some(user.uid), Some(user.gid))?;
        }
        // Only the server's user can reach the data, which is in this directory.
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700))?;
        let data = directory.path().join("data");
        let installation = self.within_reach(user.as_ref(), directory.path())?;
        let program = |name: &str| installation.command(name, user.as_ref(), directory.path());

        let mut initdb = program("initdb");
        initdb.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--username", SUPERUSER]);
        initdb.arg("--pgdata").arg(&data).stdout(Stdio::null());
        succeed(&mut initdb)?;
        installation.prepare(&mut program("postgres"), &data)?;

        let mut postgres = program("postgres");
        postgres.arg("-D").arg(&data).arg("-k").arg(directory.path()).stdout(Stdio::null());
        for (name, value) in SETTINGS {
            postgres.arg("-c").arg(format!("{name}={value}"));
        }
        let mut server = RunningServer(postgres.spawn().context("postgres cannot be run")?);
        server.wait_until_ready(&data)?;
        // If the parent has ended, the write fails, and the loop below ends the server.
        writeln!(std::io::stdout(), "{}", urls(directory.path())).ok();
        loop {
            match ended.recv_timeout(Duration::from_millis(500)) {
                Err(mpsc::RecvTimeoutError::Timeout) => server.check_is_running()?,
                Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => return server.stop(),
            }
        }
    }

    /// The installation itself, or a copy if the server's user cannot enter its folder, such as a folder in
    /// `/root`.
    fn within_reach(&self, user: Option<&User>, directory: &Path) -> Result<Self> {
        let enters = |folder: &Path| {
            std::fs::metadata(folder).is_ok_and(|metadata| metadata.permissions().mode() & 0o005 == 0o005)
        };
        let mut folders = self.programs.ancestors();
        if user.is_none() || folders.all(enters) {
            return Ok(Self { programs: self.programs.clone() });
        }
        let root = self.programs.parent().context("the installation has no parent folder")?;
        let copy = directory.join("installation");
        copy_folder(root, &copy).with_context(|| format!("{} cannot be copied", root.display()))?;
        let name = self.programs.file_name().context("the folder of the programs has no name")?;
        Ok(Self { programs: copy.join(name) })
    }

    /// A program of the installation, run as the server's user and without the caller's settings for PostgreSQL.
    fn command(&self, name: &str, user: Option<&User>, directory: &Path) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(directory).stdin(Stdio::null()).env("LC_ALL", "C");
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("PG") {
                command.env_remove(variable);
            }
        }
        if let Some(user) = user {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    /// Creates the roles and the database in single-user mode, which needs no client.
    fn prepare(&self, postgres: &mut Command, data: &Path) -> Result<()> {
        postgres
            .args([
                "--single",
                "-j",
                "-c",
                "exit_on_error=on",
                "-c",
                "fsync=off",
                "-c",
                "log_min_messages=fatal",
                "-D",
            ])
            .arg(data);
        let mut running = postgres
            .arg("postgres")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("{} cannot be run", self.programs.join("postgres").display()))?;
        let mut input = running.stdin.take().context("postgres has no input")?;
        // With -j a semicolon and an empty line end a statement.
        write!(input, "{ROLES}\n\nCREATE DATABASE {DATABASE} OWNER {OWNER};\n\n")?;
        drop(input);
        let status = running.wait()?;
        if !status.success() {
            bail!("the roles and the database cannot be created: postgres --single: {status}");
        }
        Ok(())
    }
}

/// A user of the operating system to run PostgreSQL, which does not run as root.
struct User {
    uid: u32,
    gid: u32,
}

impl User {
    /// The user `postgres` or `nobody` if this process runs as root. `None` means the current user.
    fn for_server() -> Result<Option<Self>> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let users = std::fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
        let user = ["postgres", "nobody"].iter().find_map(|name| Self::find(&users, name));
        user.map(Some)
            .context("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")
    }

    fn find(users: &str, name: &str) -> Option<Self> {
        let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let found = fields.into_iter().find(|fields| fields.first() == Some(&name))?;
        Some(Self { uid: found.get(2)?.parse().ok()?, gid: found.get(3)?.parse().ok()? })
    }
}

/// A server process, which is stopped on drop.
struct RunningServer(Child);

impl RunningServer {
    fn wait_until_ready(&mut self, data: &Path) -> Result<()> {
        let started = Instant::now();
        let status = data.join("postmaster.pid");
        while started.elapsed() < START_LIMIT {
            self.check_is_running()?;
            // The file's eighth line is the server's state.
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            if text.lines().nth(7).is_some_and(|state| state.trim() == "ready") {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("PostgreSQL does not accept connections after {} s", START_LIMIT.as_secs())
    }

    fn check_is_running(&mut self) -> Result<()> {
        match self.0.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("PostgreSQL exited: {status}"),
        }
    }

    /// Stops the server as `pg_ctl stop --mode fast` does, and kills it after the time limit.
    fn stop(&mut self) -> Result<()> {
        if self.0.try_wait()?.is_some() {
            return Ok(());
        }
        if let Some(pid) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::INT).context("PostgreSQL cannot be stopped")?;
        }
        let asked = Instant::now();
        while asked.elapsed() < STOP_LIMIT {
            if self.0.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.0.kill()?;
        self.0.wait()?;
        bail!("PostgreSQL did not stop within {} s and was killed", STOP_LIMIT.as_secs())
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("{error:#}");
        }
    }
}

/// Receives when the parent ends, which closes standard input, or a signal asks this process to end.
fn end_of_input_or_signal() -> Result<mpsc::Receiver<()>> {
    let (sender, receiver) = mpsc::channel();
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).context("signal handlers cannot be installed")?;
    let by_signal = sender.clone();
    std::thread::spawn(move || signals.forever().next().map(|_| by_signal.send(())));
    std::thread::spawn(move || {
        // Both the end of the input and an error mean that the parent has ended.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        sender.send(())
    });
    Ok(receiver)
}

/// Copies a folder so that every user can read the copy. Links stay links.
fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir(to)?;
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o755))?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(&source)?, &target)?;
        } else if kind.is_dir() {
            copy_folder(&source, &target)?;
        } else {
            std::fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

fn succeed(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_owned();
    let status = command.status().with_context(|| format!("{} cannot be run", program.display()))?;
    if status.success() {
        return Ok(());
    }
    bail!(
        "{} failed: {status}; the server's user must be able to enter the folder for temporary files (TMPDIR)",
        program.display()
    )
}

fn urls(sockets: &Path) -> serde_json::Value {
    let url = |role: &str| format!("postgres://{role}@localhost/{DATABASE}?host={}", sockets.display());
    serde_json::json!({
        "owner_url": url(OWNER), "app_url": url(APP), "maintenance_url": url(MAINTENANCE), "superuser_url": url(SUPERUSER),
    })
}
