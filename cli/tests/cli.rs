//! The command as people run it: its exit codes, what it prints, and what it does to the database.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result};
use sea_orm::ConnectionTrait;
use serde_json::Value;
use uuid::Uuid;
use watertight::auth::{LoginRequest, Password};
use watertight::doctor::CORE_MIGRATIONS;
use watertight::{TableSet, TableSets, TenantType};
use watertight_migration::{Settings, TenantTable};
use watertight_tests::{TestDatabase, new_tenant, own_migrations};

#[path = "cli/afternoon.rs"]
mod afternoon;
#[path = "cli/bootstrapping.rs"]
mod bootstrapping;
#[path = "cli/converting.rs"]
mod converting;
#[path = "cli/ending.rs"]
mod ending;
#[path = "cli/escapes.rs"]
mod escapes;

struct Cli {
    database: TestDatabase,
    folder: tempfile::TempDir,
}

/// What a run has printed, and how it ended.
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.out).with_context(|| format!("{}{}", self.out, self.err))
    }

    #[track_caller]
    fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Cli {
    async fn new() -> Result<Self> {
        Ok(Self { database: TestDatabase::create().await?, folder: tempfile::tempdir()? })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watertight"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env("DATABASE_URL", self.database.app_url())
            .env("DATABASE_OWNER_URL", self.database.owner_url())
            .env("DATABASE_MAINTENANCE_URL", self.database.maintenance_url().unwrap())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        self.command(args).output().unwrap().into()
    }

    /// Writes a file that only its owner can read.
    fn write(&self, name: &str, text: &str) -> Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?)
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn help_teaches_and_wrong_arguments_end_with_two() -> Result<()> {
    let cli = Cli::new().await?;
    let help = cli.run(&["--help"]).ends_with(0).out;
    for word in [
        "migrate",
        "doctor",
        "bootstrap",
        "tenant",
        "purge",
        "convert",
        "adopt",
        "distribute",
        "keys",
        "DATABASE_OWNER_URL",
        "WATERTIGHT_TENANT_KEY",
        "Getting started",
        "Exit status",
    ] {
        assert!(help.contains(word), "{word}: {help}");
    }
    // A description of a variant would hide that of the arguments.
    for (command, word) in [
        ("bootstrap", "password_file ="),
        ("bootstrap", "[[users]]"),
        ("doctor", "--as maintenance"),
        ("keys", "keys retire 1"),
        ("adopt", "Make a backup first"),
        ("migrate", "TenantMigrator::then"),
    ] {
        assert!(cli.run(&[command, "--help"]).ends_with(0).out.contains(word), "{command}: {word}");
    }
    for args in
        [&["--nonsense"][..], &["tenant", "stats", "not-a-uuid"], &["purge"], &["bootstrap", "x.toml"]]
    {
        cli.run(args).ends_with(2);
    }
    let nil = Uuid::nil().to_string();
    cli.run(&["tenant", "stats", &nil]).ends_with(2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_or_not_named_is_told_without_its_password() -> Result<()> {
    let cli = Cli::new().await?;
    let run: Run = cli.command(&["doctor"]).env_remove("DATABASE_URL").output()?.into();
    assert!(run.ends_with(2).err.contains("DATABASE_URL is not set"));
    for url in ["mysql://u:s3cret@h/d", "postgres://u:s3#cret@h/d"] {
        let run = Run::from(cli.command(&["doctor"]).env("DATABASE_URL", url).output()?).ends_with(2);
        assert!(run.err.contains("%23") && !run.err.contains("s3"), "{}", run.err);
    }
    let unreachable = "postgres://u:s3cret@127.0.0.1:1/d?connect_timeout=1";
    let mut command = cli.command(&["--format", "json", "doctor"]);
    let run = Run::from(command.env("DATABASE_URL", unreachable).output()?).ends_with(3);
    let error: Value = serde_json::from_str(&run.err)?;
    assert_eq!(error["exit_code"], 3);
    assert!(!run.err.contains("s3cret"), "{}", run.err);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_go_up_and_down_and_tell_where_they_are() -> Result<()> {
    let cli = Cli::new().await?;
    cli.run(&["migrate", "status", "--app-role", cli.database.app_role()]).ends_with(0);
    let unasked = cli.run(&["migrate", "down", "--steps", "2"]).ends_with(2);
    assert!(unasked.err.contains("not confirmed; pass --yes"), "{}", unasked.err);
    let refused = at_a_terminal(cli.command(&["migrate", "down", "--steps", "2"]), "yes\n")?.ends_with(2);
    assert!(refused.out.contains("rows of all tenants") && refused.out.contains("nothing was deleted"));
    cli.run(&["migrate", "status"]).ends_with(0);
    let down =
        cli.run(&["migrate", "--format", "json", "down", "--steps", "2", "--yes"]).ends_with(0).json()?;
    assert_eq!(texts(&down["changed"]).len(), 2);
    let status = cli.run(&["migrate", "status"]).ends_with(1);
    let told = format!("{} migrations are applied, 2 are pending", own_migrations().len() - 2);
    assert!(status.out.contains(&told), "{}", status.out);
    let up = cli.run(&["migrate"]).ends_with(0);
    for migration in &own_migrations()[own_migrations().len() - 2..] {
        assert!(up.out.contains(&format!("applied {migration}")), "{}", up.out);
    }
    let again = cli.run(&["migrate", "--format", "json", "up"]).ends_with(0).json()?;
    assert!(texts(&again["changed"]).is_empty() && texts(&again["pending"]).is_empty());
    let denied = cli.run(&["--as", "app", "migrate", "down", "--steps", "1", "--yes"]).ends_with(3);
    assert!(!denied.err.contains(" at line "), "{}", denied.err);
    let asked = at_a_terminal(cli.command(&["migrate", "down", "--steps", "1"]), "1\n")?.ends_with(0);
    assert!(asked.out.contains("rolled back"), "{}", asked.out);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_ends_with_one_when_it_finds_an_error() -> Result<()> {
    let cli = Cli::new().await?;
    let sound = cli.run(&["doctor", "--strict"]).ends_with(0);
    assert!(sound.out.contains("0 errors, 0 warnings"), "{}", sound.out);
    // As another role it reports about the application's role.
    for role in ["owner", "maintenance"] {
        let about = cli.run(&["doctor", "--strict", "--as", role]).ends_with(0);
        assert!(about.out.contains(" about watertight_app"), "{}", about.out);
    }
    let maintenance = cli.run(&["doctor", "--format", "json", "--as", "maintenance"]).ends_with(0).json()?;
    let role = maintenance["role"].as_str().unwrap();
    let report = cli
        .run(&["doctor", "--format", "json", "--as", "maintenance", "--app-role", role])
        .ends_with(1)
        .json()?;
    assert_eq!(report["findings"][0]["check"], "privileged_role");
    assert!(
        cli.run(&["doctor", "--as", "maintenance", "--app-role", "nobody_here"])
            .ends_with(2)
            .err
            .contains("nobody_here")
    );
    cli.run(&["doctor", "--rewriting-only", "--as", "maintenance"]).ends_with(0);
    // The grades and their exit status.
    cli.run(&["doctor", "--fail-on", "warning"]).ends_with(0);
    cli.run(&["doctor", "--fail-on", "note"]).ends_with(1);
    cli.run(&["doctor", "--fail-on", "note", "--strict"]).ends_with(2);
    let owner = cli.database.owner().await?;
    owner.execute_unprepared("DROP INDEX public.bookings_datetime_idx").await?;
    cli.run(&["doctor"]).ends_with(0);
    cli.run(&["doctor", "--fail-on", "warning"]).ends_with(1);
    let script = cli.run(&["doctor", "--strict", "--sql"]).ends_with(1).out;
    assert!(script.contains("-- As the owner (DATABASE_OWNER_URL):\nBEGIN;\nCREATE INDEX"), "{script}");
    owner.execute_unprepared(&script).await?;
    cli.run(&["doctor", "--strict"]).ends_with(0);
    let sarif = cli.run(&["doctor", "--format", "sarif"]).ends_with(0).json()?;
    assert_eq!(sarif["version"], "2.1.0");
    cli.run(&["migrate", "status", "--format", "sarif"]).ends_with(2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_knows_the_tables_of_the_application_from_its_file() -> Result<()> {
    let cli = Cli::new().await?;
    let owner = cli.database.owner().await?;
    let sql = format!(
        "CREATE TABLE public.orders (org uuid, id serial, PRIMARY KEY (org, id)); \
         ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY; ALTER TABLE public.orders FORCE ROW LEVEL SECURITY; \
         CREATE POLICY tenant_isolation ON public.orders USING (org = (SELECT watertight.tenant())); \
         CREATE TABLE public.currencies (code text PRIMARY KEY); \
         GRANT SELECT, INSERT ON public.orders TO {app}; GRANT USAGE ON SEQUENCE public.orders_id_seq TO {app}; \
         GRANT SELECT ON public.currencies TO {app}",
        app = cli.database.app_role()
    );
    owner.execute_unprepared(&sql).await?;
    let without = cli.run(&["doctor", "--strict"]).ends_with(1).out;
    assert!(without.contains("public.orders is a table that is not registered"), "{without}");
    let builder = || {
        watertight::Watertight::builder()
            .tenant_column("org")
            .tenant_tables(["orders"])
            .shared_tables(["currencies"])
    };
    builder().write_configuration(cli.folder.path().join("watertight.toml"))?;
    for role in ["app", "maintenance"] {
        let run = cli.run(&["doctor", "--strict", "--as", role]).ends_with(0);
        assert!(
            run.out.contains("26 tenant tables checked, ") || run.out.contains("26 tenant tables checked\n"),
            "{}",
            run.out
        );
    }
    // The file of an argument, a variable and an argument take precedence.
    builder().tenant_tables(["missing"]).write_configuration(cli.folder.path().join("other.toml"))?;
    let other = cli.run(&["doctor", "--config", "other.toml"]).ends_with(1).out;
    assert!(other.contains("public.missing is registered but does not exist"), "{other}");
    cli.write(
        "watertight.toml",
        "table_sets = \"none\"\ntenant_column = \"org\"\ntenant_tables = [\"orders\"]\n",
    )?;
    let of_variable: Run = cli.command(&["doctor"]).env("WATERTIGHT_TABLE_SETS", "content").output()?.into();
    let of_argument: Run = cli
        .command(&["doctor", "--table-sets", "all"])
        .env("WATERTIGHT_TABLE_SETS", "content")
        .output()?
        .into();
    assert!(of_variable.out.contains("public.clients is a table"), "{}", of_variable.out);
    assert!(!of_argument.out.contains("public.clients is a table"), "{}", of_argument.out);
    let of_variable: Run =
        cli.command(&["doctor"]).env("WATERTIGHT_TENANT_COLUMN", "account").output()?.into();
    assert!(of_variable.ends_with(1).out.contains("has no tenant column account of type uuid"));
    // Mistakes are named.
    cli.write("watertight.toml", "tenant_table = [\"orders\"]\n")?;
    assert!(cli.run(&["doctor"]).ends_with(2).err.contains("tenant_table"));
    cli.write("watertight.toml", "tenant_type = \"smallint\"\n")?;
    assert!(cli.run(&["doctor"]).ends_with(2).err.contains("smallint"));
    assert!(cli.run(&["doctor", "--config", "none.toml"]).ends_with(2).err.contains("none.toml"));
    Ok(())
}

const USERS: &str = r#"
    [[users]]
    handle = "jess"
    email = "jess@example.com"
    role = "business_owner"
    display_name = "Jess"
    permissions = ["bookings:write"]
    password_env = "JESS_PASSWORD"

    [[users]]
    handle = "kim"
    email = "kim@example.com"
    role = "viewer"
    needs_onboarding = false
    password_file = "kim.password"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn users_are_bootstrapped_from_a_file_and_log_in() -> Result<()> {
    let cli = Cli::new().await?;
    let tenant = new_tenant()?;
    let id = tenant.to_string();
    cli.write("users.toml", USERS)?;
    cli.write("kim.password", "kim's password\n")?;
    let bootstrap = |more: &[&str]| {
        let mut args = vec!["bootstrap", "--format", "json", "--tenant", &id, "users.toml"];
        args.extend(more);
        Run::from(cli.command(&args).env("JESS_PASSWORD", "jess's password").output().unwrap())
            .ends_with(0)
            .json()
    };
    let report = bootstrap(&[])?;
    assert_eq!(texts(&report["created"]), ["jess", "kim"]);
    assert_eq!(texts(&bootstrap(&[])?["unchanged"]), ["jess", "kim"]);
    cli.write("users.toml", &USERS.replace("Jess\"", "Jessica\""))?;
    assert_eq!(texts(&bootstrap(&["--keep-existing"])?["unchanged"]), ["jess", "kim"]);
    let differing = bootstrap(&[])?;
    assert_eq!(texts(&differing["unchanged"]), ["jess", "kim"]);
    assert_eq!(differing["differing"], serde_json::json!([{"handle": "jess", "fields": ["display_name"]}]));
    assert_eq!(texts(&bootstrap(&["--update", "role"])?["unchanged"]), ["jess", "kim"]);
    assert_eq!(texts(&bootstrap(&["--update", "display_name"])?["updated"]), ["jess"]);

    let settings = watertight::auth::AuthSettings::default()
        .signing_keys(watertight::auth::SigningKeys::new([vec![7; 32]])?);
    let water = cli.database.water_with(watertight::Watertight::builder().auth(settings)).await?;
    for (handle, password) in [("jess", "jess's password"), ("kim", "kim's password")] {
        let request = LoginRequest::new(handle.parse()?, Password::new(password)?);
        water.tenant(tenant).auth().login(request).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_users_that_is_wrong_changes_nothing_and_shows_no_secret() -> Result<()> {
    let cli = Cli::new().await?;
    let tenant = new_tenant()?;
    let id = tenant.to_string();
    let user = |rest: &str| {
        format!("[[users]]\nhandle = \"kim\"\nemail = \"kim@example.com\"\nrole = \"viewer\"\n{rest}\n")
    };
    for (name, text, tells) in [
        ("a.toml", user("password = \"hunter2\""), "must not contain a password"),
        (
            "a.json",
            r#"{"users": [{"handle": "k", "pin": "hunter2"}]}"#.to_owned(),
            "must not contain a password",
        ),
        ("a.toml", user("password_env = \"NOBODY_SETS_IT\""), "NOBODY_SETS_IT is not set"),
        ("a.toml", user("password_file = \"nowhere\""), "nowhere"),
        ("a.toml", user("password_file = \"a\"\npassword_env = \"B\""), "more than one of"),
        ("a.toml", user("password_hash = \"hunter2\""), "hash"),
        ("a.toml", user(""), "no terminal to enter the password at"),
        ("a.toml", user("password_env = \"PW\"").replace("kim@example.com", "nowhere"), "user 1"),
        ("a.yaml", String::new(), "neither in .json nor in .toml"),
        ("a.json", "{".to_owned(), "line 1"),
    ] {
        cli.write(name, &text)?;
        let mut command = cli.command(&["bootstrap", "--tenant", &id, name]);
        let run = Run::from(command.env("PW", "a long password").output()?).ends_with(2);
        assert!(run.err.contains(tells), "{tells}: {}", run.err);
        assert!(!run.err.contains("hunter2"), "{}", run.err);
    }
    assert!(!cli.database.water().await?.tenant(tenant).auth().users().any().await?);
    Ok(())
}

/// Runs a command at a terminal of its own, and types to it.
fn at_a_terminal(mut command: Command, typed: &str) -> Result<Run> {
    let line = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect::<Vec<_>>()
        .join(" ");
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--echo", "never", "--command", &line, "/dev/null"]);
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            script.env(name, value);
        }
    }
    script.current_dir(command.get_current_dir().unwrap_or(Path::new("."))).stdin(Stdio::piped());
    let mut child =
        script.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("script, of util-linux")?;
    let mut keyboard = child.stdin.take().context("a keyboard")?;
    for line in typed.lines() {
        // A prompt empties what was typed before it.
        std::thread::sleep(std::time::Duration::from_millis(1500));
        writeln!(keyboard, "{line}")?;
    }
    let run = child.wait_with_output()?.into();
    drop(keyboard);
    command.env_clear();
    Ok(run)
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_asked_for_at_the_terminal_and_do_not_show() -> Result<()> {
    let cli = Cli::new().await?;
    let tenant = new_tenant()?;
    cli.write("u.toml", "[[users]]\nhandle = \"kim\"\nemail = \"kim@example.com\"\nrole = \"viewer\"\n")?;
    let id = tenant.to_string();
    let command = || cli.command(&["bootstrap", "--tenant", &id, "u.toml"]);
    let run = at_a_terminal(command(), "a long password\nanother one\n")?.ends_with(2);
    assert!(run.out.contains("the two passwords of kim differ"), "{}", run.out);
    let run = at_a_terminal(command(), "a long password\na long password\n")?.ends_with(0);
    assert!(run.out.contains("created    kim") && !run.out.contains("a long password"), "{}", run.out);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_exported_erased_and_imported() -> Result<()> {
    let cli = Cli::new().await?;
    let (tenant, other) = (new_tenant()?.to_string(), new_tenant()?.to_string());
    cli.write("users.toml", USERS)?;
    cli.write("kim.password", "kim's password\n")?;
    for id in [&tenant, &other] {
        let mut command = cli.command(&["bootstrap", "--tenant", id, "users.toml"]);
        Run::from(command.env("JESS_PASSWORD", "jess's password").output()?).ends_with(0);
    }
    let listed = cli.run(&["tenant", "list", "--format", "json"]).ends_with(0).json()?;
    assert_eq!(texts(&listed["tenants"]).len(), 2);
    assert!(cli.run(&["tenant", "list", "--as", "owner"]).ends_with(1).err.contains("BYPASSRLS"));
    let stats = cli.run(&["tenant", "stats", &tenant]).ends_with(0);
    assert!(stats.out.contains("auth.users") && !stats.out.contains("no rows"), "{}", stats.out);
    let unknown = new_tenant()?.to_string();
    let stats = cli.run(&["tenant", "stats", &unknown]).ends_with(0);
    assert!(stats.out.contains(&format!("{unknown} has no rows")), "{}", stats.out);

    cli.run(&["tenant", "export", &tenant, "--output", "t.jsonl"]).ends_with(0);
    let path = cli.folder.path().join("t.jsonl");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
    }
    assert!(
        cli.run(&["tenant", "export", &tenant, "--output", "t.jsonl"]).ends_with(2).err.contains("exists")
    );
    let streamed = cli.run(&["tenant", "export", &tenant]).ends_with(0);
    let rows = |text: &str| {
        text.lines().filter(|line| line.starts_with(r#"{"table""#)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(rows(&streamed.out), rows(&std::fs::read_to_string(&path)?));
    assert!(streamed.err.contains("rows of"), "the summary is beside the data: {}", streamed.err);

    assert!(cli.run(&["tenant", "import", &tenant, "t.jsonl"]).ends_with(1).err.contains("erase it first"));
    assert!(cli.run(&["tenant", "erase", &tenant]).ends_with(2).err.contains("--confirm"));
    cli.run(&["tenant", "erase", &tenant, "--confirm", &other]).ends_with(2);
    let refused = at_a_terminal(cli.command(&["tenant", "erase", &tenant]), "yes\n")?.ends_with(2);
    assert!(refused.out.contains("nothing was deleted"), "{}", refused.out);
    let rehearsed = cli.run(&["tenant", "rehearse", &tenant]).ends_with(0);
    assert!(rehearsed.out.contains("nothing was changed"), "{}", rehearsed.out);
    // A rule of the application that a stored row does not satisfy: an import would be refused.
    let owner = cli.database.owner().await?;
    owner
        .execute_unprepared("ALTER TABLE auth.users ADD CONSTRAINT later CHECK (handle = '') NOT VALID")
        .await?;
    let unrestorable = cli.run(&["tenant", "erase", &tenant, "--confirm", &tenant]).ends_with(1);
    assert!(
        unrestorable.err.contains("was not erased") && unrestorable.err.contains("later"),
        "{}",
        unrestorable.err
    );
    cli.run(&["tenant", "rehearse", &tenant]).ends_with(1);
    cli.run(&["tenant", "erase", &other, "--confirm", &other, "--no-rehearsal"]).ends_with(0);
    owner.execute_unprepared("ALTER TABLE auth.users DROP CONSTRAINT later").await?;
    assert_eq!(rows(&cli.run(&["tenant", "export", &tenant]).out), rows(&streamed.out));
    let erased = cli.run(&["tenant", "erase", &tenant, "--confirm", &tenant]).ends_with(0);
    assert!(erased.out.contains("no row is left in 26 tables"), "{}", erased.out);
    assert!(cli.run(&["tenant", "import", &other, "t.jsonl"]).ends_with(4).err.contains("line 1"));
    let imported = cli.run(&["tenant", "import", &tenant, "t.jsonl"]).ends_with(0);
    assert!(imported.out.contains("restored"), "{}", imported.out);
    assert_eq!(rows(&cli.run(&["tenant", "export", &tenant]).out), rows(&streamed.out));
    Ok(())
}

const KEY: &str = "WATERTIGHT_TENANT_KEY";

/// A user with a hash, which costs no hashing.
const ONE_USER: &str = r#"
    [[users]]
    handle = "kim"
    email = "kim@example.com"
    role = "viewer"
    password_hash = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_added_listed_and_retired_and_no_secret_shows() -> Result<()> {
    let cli = Cli::new().await?;
    let (one, two) = (cli.run(&["keys", "new", "--id", "2"]), cli.run(&["keys", "new", "--id", "2"]));
    let key = one.ends_with(0).out.trim().to_owned();
    let secret = key.strip_prefix("2:").context("the form of the variable")?.to_owned();
    assert_eq!(hex::decode(&secret)?.len(), 32);
    assert_ne!(two.out.trim(), key, "random");
    let json = cli.run(&["--format", "json", "keys", "new"]).ends_with(0).json()?;
    assert!(json["key"].as_str().context("a key")?.starts_with("1:"));
    for id in ["0", "-1", "32768", "x"] {
        cli.run(&["keys", "new", "--id", id]).ends_with(2);
    }

    let add = |key: &str| -> Result<Run> { Ok(cli.command(&["keys", "add"]).env(KEY, key).output()?.into()) };
    let added = add(&key)?.ends_with(0);
    assert!(added.out.contains("2 is added") && !format!("{}{}", added.out, added.err).contains(&secret));
    assert!(add(&key)?.ends_with(0).out.contains("was already there"));
    let taken = add(&format!("2:{}", "5a".repeat(32)))?.ends_with(1);
    assert!(taken.err.contains("another tenant key 2") && !taken.err.contains("5a5a"), "{}", taken.err);
    let malformed = add(&secret)?.ends_with(2);
    assert!(malformed.err.contains("no colon") && !malformed.err.contains(&secret), "{}", malformed.err);
    // Through standard input, which no one else on the machine sees either.
    let mut piped =
        cli.command(&["keys", "add"]).env_remove(KEY).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    writeln!(piped.stdin.take().context("an input")?, "3:{}", "a5".repeat(32))?;
    assert!(Run::from(piped.wait_with_output()?).ends_with(0).out.contains("3 is added"));
    let nothing: Run = cli.command(&["keys", "add"]).env_remove(KEY).output()?.into();
    assert!(nothing.ends_with(2).err.contains(KEY));

    let listed = cli.run(&["--format", "json", "keys", "list"]).ends_with(0).json()?;
    let ids: Vec<i64> =
        listed["keys"].as_array().context("keys")?.iter().filter_map(|key| key["id"].as_i64()).collect();
    assert_eq!((ids, listed["signed"].as_bool()), (vec![3, 2, 1], Some(true)));
    cli.run(&["keys", "retire", "2"]).ends_with(0);
    cli.run(&["keys", "retire", "3"]).ends_with(0);
    assert!(cli.run(&["keys", "retire", "3"]).ends_with(1).err.contains("no tenant key 3"));
    assert!(cli.run(&["keys", "retire", "1"]).ends_with(1).err.contains("the only one"));

    assert!(cli.run(&["keys", "waive"]).ends_with(0).out.contains("not verified"));
    assert!(cli.run(&["keys", "list"]).ends_with(0).out.contains("not verified"));
    assert!(cli.run(&["keys", "require"]).ends_with(0).out.contains("tenants are verified"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_key_the_application_is_told_what_to_run() -> Result<()> {
    let cli = Cli::new().await?;
    cli.write("users.toml", ONE_USER)?;
    let tenant = new_tenant()?.to_string();
    let bootstrap = ["bootstrap", "--tenant", &tenant, "users.toml"];
    let stats = ["tenant", "stats", &tenant];
    for args in [&bootstrap[..], &stats] {
        let run: Run = cli.command(args).env_remove(KEY).output()?.into();
        let error = run.ends_with(2).err;
        assert!(error.contains(KEY) && error.contains("watertight keys new"), "{error}");
        let run: Run = cli.command(args).env(KEY, format!("1:{}", "5a".repeat(32))).output()?.into();
        let error = run.ends_with(1).err;
        assert!(error.contains("another tenant key under the ID 1") && !error.contains("5a5a"), "{error}");
    }
    cli.run(&bootstrap).ends_with(0);
    // Row-level security verifies nothing for the role for maintenance.
    let run: Run = cli.command(&["tenant", "list"]).env_remove(KEY).output()?.into();
    run.ends_with(0);
    // A database that is told to believe tenants wants no key.
    cli.run(&["keys", "waive"]).ends_with(0);
    for args in [&bootstrap[..], &stats] {
        let run: Run = cli.command(args).env_remove(KEY).output()?.into();
        run.ends_with(0);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_tenants_are_believed_until_signatures_are_required() -> Result<()> {
    let cli = Cli { database: TestDatabase::empty().await?, folder: tempfile::tempdir()? };
    cli.write("users.toml", ONE_USER)?;
    let malformed: Run = cli.command(&["migrate"]).env(KEY, "1:5a5a").output()?.into();
    let error = malformed.ends_with(2).err;
    assert!(error.contains("64 hexadecimal digits") && !error.contains("5a5a"), "{error}");
    let without =
        |args: &[&str]| Ok::<Run, anyhow::Error>(cli.command(args).env_remove(KEY).output()?.into());
    without(&["migrate"])?.ends_with(0);
    let tenant = new_tenant()?.to_string();
    let bootstrap = ["bootstrap", "--tenant", &tenant, "users.toml"];
    without(&bootstrap)?.ends_with(0);
    let report = without(&["doctor"])?.out;
    assert!(report.contains("watertight keys require"), "{report}");

    cli.run(&["keys", "add"]).ends_with(0);
    cli.run(&["keys", "require"]).ends_with(0);
    let error = without(&bootstrap)?.ends_with(2).err;
    assert!(error.contains(KEY), "{error}");
    cli.run(&bootstrap).ends_with(0);
    let report = cli.run(&["doctor"]).out;
    assert!(!report.contains("watertight keys require"), "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_is_purged_for_one_tenant_or_for_all() -> Result<()> {
    let cli = Cli::new().await?;
    let (tenant, other) = (new_tenant()?, new_tenant()?);
    let sees_all = cli.database.maintenance().await?;
    for id in [tenant, other] {
        let sql = format!(
            "INSERT INTO auth.users (tenant_id, id, handle, email, password_hash) \
             VALUES ('{id}', md5('j')::uuid, 'jess', 'j@x.y', 'x'); \
             INSERT INTO auth.sessions (tenant_id, user_id, expires_at) VALUES ('{id}', md5('j')::uuid, now()); \
             INSERT INTO auth.audit_events (tenant_id, type, details, timestamp) VALUES ('{id}', 'LOGIN', '{{}}', '2020-01-01')",
        );
        sees_all.execute_unprepared(&sql).await?;
    }
    let id = tenant.to_string();
    let report = cli.run(&["purge", "--format", "json", "--tenant", &id]).ends_with(0).json()?;
    assert_eq!(
        (&report["tenants"][0]["sessions"], &report["tenants"][0]["audit_events"]),
        (&1.into(), &0.into())
    );
    let args = ["purge", "--format", "json", "--all-tenants", "--audit-before", "2020-01-02", "--yes"];
    let unasked = cli.run(&args[..args.len() - 1]).ends_with(2);
    assert!(unasked.err.contains("not confirmed; pass --yes"), "{}", unasked.err);
    for future in ["2999-01-01", "9999-12-31"] {
        let error = cli.run(&["purge", "--tenant", &id, "--audit-before", future, "--yes"]).ends_with(2).err;
        assert!(error.contains("is in the future"), "{error}");
    }
    let asked = cli.command(&["purge", "--tenant", &id, "--audit-before", "2019-01-02"]);
    let refused = at_a_terminal(asked, "no\n")?.ends_with(2);
    assert!(refused.out.contains("nothing was deleted"), "{}", refused.out);
    let report = cli.run(&args).ends_with(0).json()?;
    let all = report["tenants"].as_array().context("tenants")?;
    assert_eq!(all.iter().map(|one| one["audit_events"].as_u64().unwrap()).sum::<u64>(), 2);
    assert_eq!(all.iter().map(|one| one["sessions"].as_u64().unwrap()).sum::<u64>(), 1);
    cli.run(&["purge", "--tenant", &id, "--audit-older-than-days", "99999999999"]).ends_with(2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_the_original_is_adopted_and_sound_then() -> Result<()> {
    let database = TestDatabase::empty().await?;
    let cli = Cli { database, folder: tempfile::tempdir()? };
    let owner = cli.database.owner().await?;
    owner.execute_unprepared(include_str!("../../tests/suite/adopt/original.sql")).await?;
    let rows = include_str!("../../tests/suite/adopt/rows.sql");
    owner.execute_unprepared(&format!("BEGIN; {rows}; COMMIT")).await?;

    let refused = cli.run(&["adopt"]).ends_with(1);
    assert!(refused.out.contains("nothing was changed"), "without a time zone: {}", refused.out);
    let zone = ["--time-zone", "America/New_York"];
    let dry = cli.run(&[&["adopt", "--dry-run"], &zone[..]].concat()).ends_with(0);
    assert!(dry.out.contains("BEGIN") && dry.out.contains("COMMIT"), "{}", dry.out);
    assert!(cli.run(&["adopt", "--time-zone", "Nowhere"]).ends_with(2).err.contains("Nowhere"));
    let report = cli.run(&[&["adopt", "--format", "json"], &zone[..]].concat()).ends_with(0).json()?;
    assert_eq!(report["migrations"].as_array().map(Vec::len), Some(own_migrations().len()));
    cli.run(&["doctor", "--strict"]).ends_with(0);
    cli.run(&["migrate", "status"]).ends_with(0);
    assert!(cli.run(&["adopt"]).ends_with(1).err.contains("migrat"), "once is enough");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn distributing_is_planned_anywhere_and_refused_without_a_cluster() -> Result<()> {
    let cli = Cli::new().await?;
    // The private server has no btree_gist, of which the overlaps would be made.
    let dry = ["distribute", "--dry-run", "--without-overlap-constraints"];
    let script = cli.run(&dry).ends_with(0).out;
    for part in
        ["-- the database does not have the extension citus", "BEGIN ", "create_distributed_table", "COMMIT;"]
    {
        assert!(script.contains(part), "{part}: {script}");
    }
    let plan = cli.run(&[&dry[..], &["--format", "json"]].concat()).ends_with(0).json()?;
    assert!(plan["extension"].is_null() && texts(&plan["violations"]).is_empty());
    assert!(texts(&plan["statements"]).len() > 24 * 4, "{plan:#}");
    assert!(cli.run(&["distribute"]).ends_with(1).err.contains("CREATE EXTENSION citus"));
    cli.run(&["distribute", "--reference", "countries"]).ends_with(2);

    let owner = cli.database.owner().await?;
    owner.execute_unprepared("CREATE UNIQUE INDEX emails ON auth.users (email)").await?;
    let broken = cli.run(&dry).ends_with(1).out;
    assert!(broken.contains("-- auth.users: auth.emails is unique without the tenant column"), "{broken}");
    let broken = cli.run(&[&dry[..], &["--format", "json"]].concat()).ends_with(1).json()?;
    assert_eq!(broken["violations"][0]["rule"], "key_holds_tenant");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn table_sets_are_named_with_their_schemas() -> Result<()> {
    let cli = Cli::new().await?;
    let tenant = new_tenant()?.to_string();
    let owner = cli.database.owner().await?;
    owner.execute_unprepared("ALTER SCHEMA auth RENAME TO identity").await?;
    cli.write("users.toml", USERS)?;
    cli.write("kim.password", "kim's password\n")?;
    let run = |args: &[&str], sets: &str| -> Result<Run> {
        let mut command = cli.command(args);
        command.env("JESS_PASSWORD", "jess's password").env("WATERTIGHT_TABLE_SETS", sets);
        Ok(command.output()?.into())
    };
    let moved = "auth=identity,content,booking,certificates,intake,history";
    run(&["doctor"], "all")?.ends_with(1);
    run(&["doctor"], moved)?.ends_with(0);
    let bootstrap = ["bootstrap", "--tenant", &tenant, "users.toml"];
    let refused = run(&bootstrap, "content,booking")?.ends_with(1);
    assert!(refused.err.contains("add auth to --table-sets"), "{}", refused.err);
    run(&bootstrap, moved)?.ends_with(0);
    run(&["tenant", "export", &tenant, "--output", "t.jsonl"], moved)?.ends_with(0);
    let lines = std::fs::read_to_string(cli.folder.path().join("t.jsonl"))?;
    assert!(lines.contains(r#"{"table":"auth.users""#) && !lines.contains("identity"), "{lines}");
    let erased = run(&["tenant", "erase", &tenant, "--confirm", &tenant], moved)?.ends_with(0);
    assert!(erased.out.contains("identity.users"), "{}", erased.out);
    // An argument goes before the variable.
    run(&["tenant", "import", &tenant, "t.jsonl", "--table-sets", moved], "none")?.ends_with(0);
    let purge = ["purge", "--tenant", &tenant, "--audit-older-than-days", "0", "--yes", "--format", "json"];
    let purged = |report: &Value| report["tenants"][0]["audit_events"].as_u64();
    assert_eq!(purged(&run(&purge, "content")?.ends_with(0).json()?), Some(0));
    assert!(purged(&run(&purge, moved)?.ends_with(0).json()?) > Some(0));
    assert!(run(&["doctor"], "auth=pg_mine")?.ends_with(2).err.contains("pg_mine"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_are_named_by_the_type_of_the_database() -> Result<()> {
    let cli = Cli { database: TestDatabase::empty().await?, folder: tempfile::tempdir()? };
    let with = |args: &[&str]| -> Run {
        let mut command = cli.command(args);
        command.env("WATERTIGHT_TENANT_TYPE", "bigint").env("WATERTIGHT_TENANT_COLUMN", "org_id");
        command.env("WATERTIGHT_TABLE_SETS", "none").output().unwrap().into()
    };
    with(&["migrate"]).ends_with(0);
    let settings = Settings::default()
        .with_app_role(cli.database.app_role())
        .with_table_sets(TableSets::none())
        .with_tenant_type(TenantType::BigInt)
        .with_tenant_column("org_id");
    let owner = cli.database.owner().await?;
    for sql in TenantTable::new("public", "orders").statements(&settings)? {
        owner.execute_unprepared(&sql).await?;
    }
    let rows = "BEGIN; SELECT watertight.enter(42); INSERT INTO orders (org_id) VALUES (42), (42); COMMIT";
    owner.execute_unprepared(rows).await?;
    let stats = with(&["tenant", "stats", "42", "--format", "json"]).ends_with(0).json()?;
    assert_eq!(stats["tenant"], 42);
    with(&["tenant", "export", "42", "--output", "42.jsonl"]).ends_with(0);
    with(&["tenant", "erase", "42", "--confirm", "42"]).ends_with(0);
    assert!(with(&["tenant", "import", "43", "42.jsonl"]).ends_with(4).err.contains("it is of tenant 42"));
    with(&["tenant", "import", "42", "42.jsonl"]).ends_with(0);
    for wrong in ["0", "clinic", "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11"] {
        with(&["tenant", "stats", wrong]).ends_with(2);
    }
    with(&["doctor"]).ends_with(0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_of_the_application_stay_as_they_are() -> Result<()> {
    let cli = Cli { database: TestDatabase::empty().await?, folder: tempfile::tempdir()? };
    cli.run(&["migrate", "--table-sets", "none"]).ends_with(0);
    let owner = cli.database.owner().await?;
    let applied =
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20270101_000001_create_orders', 0)";
    owner.execute_unprepared(applied).await?;
    let status =
        cli.run(&["migrate", "--table-sets", "none", "status", "--format", "json"]).ends_with(0).json()?;
    assert_eq!(texts(&status["applied"]), CORE_MIGRATIONS);
    cli.run(&["migrate", "--table-sets", "auth"]).ends_with(0);
    // More steps than watertight has migrations reach none of the others.
    cli.run(&["migrate", "--table-sets", "auth", "down", "--steps", "99", "--yes"]).ends_with(0);
    let left = "DELETE FROM seaql_migrations WHERE version = 'm20270101_000001_create_orders'";
    assert_eq!(owner.execute_unprepared(left).await?.rows_affected(), 1);
    assert_eq!(owner.execute_unprepared("DELETE FROM seaql_migrations").await?.rows_affected(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn table_sets_are_chosen_by_argument_or_environment() -> Result<()> {
    let cli = Cli { database: TestDatabase::empty().await?, folder: tempfile::tempdir()? };
    let json = ["--format", "json"];
    let none = cli.run(&[&["migrate", "--table-sets", "none"][..], &json].concat()).ends_with(0).json()?;
    assert_eq!(texts(&none["changed"]), CORE_MIGRATIONS);
    cli.run(&["migrate", "--table-sets", "none", "status"]).ends_with(0);

    let with = |sets: &str, args: &[&str]| -> Run {
        cli.command(args).env("WATERTIGHT_TABLE_SETS", sets).output().unwrap().into()
    };
    let auth = with("auth=identity", &[&["migrate"][..], &json].concat()).ends_with(0).json()?;
    assert_eq!(texts(&auth["changed"]), TableSet::Auth.migrations());
    let owner = cli.database.owner().await?;
    owner.execute_unprepared("SELECT FROM identity.users").await?;
    assert!(owner.execute_unprepared("SELECT FROM auth.users").await.is_err());
    // A set that is left out while it is applied, and a text that is no list of sets.
    assert!(with("none", &["migrate"]).ends_with(3).err.contains("m20260101_000001_create_auth"));
    assert!(with("auht", &["migrate"]).ends_with(2).err.contains("there is no table set \"auht\""));
    assert!(with("auht", &["adopt"]).ends_with(2).err.contains("auth, content, booking"));
    with("auth=identity", &["distribute", "--dry-run"]).ends_with(0);
    Ok(())
}
