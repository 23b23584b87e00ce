use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use url::Url;
use watertight_schema::sql::identifier;

use super::given::{APP_ROLE, OWNER_ROLE};
use super::installation::{User, programs};
use super::{TestServer, Urls};
use crate::TestError;
use crate::database::run;

const MAINTENANCE_ROLE: &str = "watertight_maintenance";
const SUPERUSER_ROLE: &str = "postgres";

/// The time limit for the server to accept connections.
const START_LIMIT: Duration = Duration::from_mins(1);

/// The settings of a server whose data nobody needs after a crash.
const SETTINGS: [&str; 7] = [
    "listen_addresses=",
    "max_connections=200",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "log_min_messages=warning",
    "timezone=UTC",
];

/// Runs the server until the test process ends, which closes the standard input of this script even if the process is
/// killed. Then it stops the server and deletes the data.
const SCRIPT: &str = r#"
postgres=$1; folder=$2; shift 2
{ "$postgres" -D "$folder/data" -k "$folder" "$@" >"$folder/log" 2>&1 </dev/null; echo "$?" >"$folder/ended"; } &
cat >/dev/null
pid=$(head -n 1 "$folder/data/postmaster.pid" 2>/dev/null) && kill -INT "$pid"
wait
rm -rf "$folder"
"#;

/// A private server of an installed `PostgreSQL`, which ends with the process.
///
/// The server listens on a Unix socket in a temporary directory that only its user can enter, so it needs no port and no
/// password. It ends when the [`TestServer`] is dropped or the process ends, even if the process is killed, and its data
/// is deleted.
#[derive(Debug)]
pub struct PrivateServer {
    keeper: Child,
    folder: PathBuf,
}

/// The choices of a private server.
///
/// ```no_run
/// # async fn example() -> Result<(), watertight_testing::TestError> {
/// use watertight_testing::PrivateServer;
///
/// let server =
///     PrivateServer::builder().installation("/usr/lib/postgresql/17").app_role("clinic_app").start().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a server runs when `start` is called"]
pub struct PrivateServerBuilder {
    installation: Option<PathBuf>,
    owner_role: String,
    app_role: String,
}

impl PrivateServer {
    /// The choices of a private server, with the default values.
    ///
    /// ```
    /// let builder = watertight_testing::PrivateServer::builder().owner_role("clinic_owner");
    /// println!("{builder:?}");
    /// ```
    pub fn builder() -> PrivateServerBuilder {
        PrivateServerBuilder {
            installation: None,
            owner_role: OWNER_ROLE.to_owned(),
            app_role: APP_ROLE.to_owned(),
        }
    }

    fn start(programs: &Path) -> Result<Self, TestError> {
        let user = User::for_server()?;
        let folder = tempfile::Builder::new().prefix("watertight-testing-").tempdir();
        let folder = folder.map_err(TestError::io("the creation of the data directory"))?;
        if let Some(user) = user {
            let owned = chown(folder.path(), Some(user.uid), Some(user.gid));
            owned.map_err(TestError::io("the change of the data directory's user"))?;
        }
        let private = std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700));
        private.map_err(TestError::io("the protection of the data directory"))?;
        initialize(programs, folder.path(), user)?;
        let mut keeper = command(Path::new("/bin/sh"), folder.path(), user);
        keeper.arg("-c").arg(SCRIPT).arg("sh").arg(programs.join("postgres")).arg(folder.path());
        // In a process group of its own the server does not get the terminal's Ctrl-C before the tests have ended.
        keeper.args(SETTINGS.iter().flat_map(|setting| ["-c", setting])).process_group(0);
        keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let keeper = keeper.spawn().map_err(TestError::io("the start of the server"))?;
        // The script deletes the folder from now on.
        let server = Self { keeper, folder: folder.keep() };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&self) -> Result<(), TestError> {
        let started = Instant::now();
        let status = self.folder.join("data/postmaster.pid");
        while started.elapsed() < START_LIMIT && !self.folder.join("ended").exists() {
            // The eighth line of the file is the state of the server.
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            if text.lines().nth(7).is_some_and(|state| state.trim() == "ready") {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let output = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        Err(TestError::NotStarted { output: output.trim().to_owned() })
    }

    fn url(&self, role: &str) -> Result<Url, TestError> {
        let text = format!("postgres://localhost/postgres?host={}", self.folder.display());
        let mut url = super::given::url("the URL of the private server", &text.replacen("//", "//role@", 1))?;
        // The name is encoded by the call.
        url.set_username(role)
            .map_err(|()| TestError::NotStarted { output: format!("no URL for {role}") })?;
        Ok(url)
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // Waits, so that no process of the server is left.
        self.keeper.wait().ok();
    }
}

impl PrivateServerBuilder {
    /// Sets the installation: the folder with `initdb` and `postgres`, or the parent of its `bin`.
    ///
    /// By default, the installation is the one of `pg_config`, of `PATH`, or the newest one in `/usr/lib/postgresql`.
    ///
    /// ```
    /// let builder = watertight_testing::PrivateServer::builder().installation("/usr/lib/postgresql/17");
    /// println!("{builder:?}");
    /// ```
    pub fn installation(mut self, folder: impl Into<PathBuf>) -> Self {
        self.installation = Some(folder.into());
        self
    }

    /// Sets the name of the owner's role. The default is `watertight_owner`.
    ///
    /// ```
    /// let builder = watertight_testing::PrivateServer::builder().owner_role("clinic_owner");
    /// println!("{builder:?}");
    /// ```
    pub fn owner_role(mut self, name: impl Into<String>) -> Self {
        self.owner_role = name.into();
        self
    }

    /// Sets the name of the application's role. The default is `watertight_app`, as in the migrations.
    ///
    /// ```
    /// let builder = watertight_testing::PrivateServer::builder().app_role("clinic_app");
    /// println!("{builder:?}");
    /// ```
    pub fn app_role(mut self, name: impl Into<String>) -> Self {
        self.app_role = name.into();
        self
    }

    /// Starts the server, and creates its roles.
    ///
    /// As root, the server runs as the user `postgres` or `nobody`.
    ///
    /// # Errors
    /// [`TestError::NoInstallation`], [`TestError::RunsAsRoot`] or [`TestError::NotStarted`].
    pub async fn start(self) -> Result<TestServer, TestError> {
        let programs = programs(self.installation.as_deref())?;
        let server = tokio::task::spawn_blocking(move || PrivateServer::start(&programs)).await;
        let server = server.map_err(|error| TestError::NotStarted { output: error.to_string() })??;
        let superuser = server.url(SUPERUSER_ROLE)?;
        run(&superuser, &roles(&self.owner_role, &self.app_role)).await?;
        let urls = Urls {
            owner: server.url(&self.owner_role)?,
            app: server.url(&self.app_role)?,
            maintenance: Some(server.url(MAINTENANCE_ROLE)?),
            superuser: Some(superuser),
        };
        Ok(TestServer::private(urls, server))
    }
}

fn initialize(programs: &Path, folder: &Path, user: Option<User>) -> Result<(), TestError> {
    let mut initdb = command(&programs.join("initdb"), folder, user);
    initdb.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--username", SUPERUSER_ROLE]);
    initdb.arg("--pgdata").arg(folder.join("data")).stdin(Stdio::null());
    let output = initdb.output().map_err(TestError::io("initdb"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Err(TestError::NotStarted { output: text.join("\n").trim().to_owned() })
}

/// A program, run as the server's user and without the caller's settings for PostgreSQL.
fn command(program: &Path, folder: &Path, user: Option<User>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("LC_ALL", "C");
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

/// The statements that create the roles. The owner may signal backends, because dropping a test's database ends the
/// connections of the other roles.
fn roles(owner: &str, app: &str) -> String {
    let (owner, app) = (identifier(owner), identifier(app));
    format!(
        "CREATE ROLE {owner} LOGIN NOSUPERUSER NOCREATEROLE NOBYPASSRLS CREATEDB; \
         CREATE ROLE {app} LOGIN NOSUPERUSER NOCREATEROLE NOBYPASSRLS NOCREATEDB; \
         CREATE ROLE {MAINTENANCE_ROLE} LOGIN NOSUPERUSER NOCREATEROLE BYPASSRLS NOCREATEDB IN ROLE {owner}; \
         GRANT pg_signal_backend TO {owner}"
    )
}
