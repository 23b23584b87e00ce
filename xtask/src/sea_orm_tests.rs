//! SeaORM's own tests, run through a tenant's connection next to another tenant's rows of the same ids.
//!
//! The tests are those of the published crate. They are copied, not changed: `xtask/sea-orm-tests` is a crate with the
//! name `sea_orm`, whose `DatabaseConnection` is a tenant's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::cargo::{Cargo, output};
use crate::server::Databases;

/// The files that are not compiled, each with the reason.
const LEFT_OUT: &[(&str, &str)] = &[
    ("arrow_schema_tests", "needs no database"),
    ("arrow_tests", "needs no database"),
    ("basic", "SQLite"),
    ("connection_tests", "other drivers"),
    ("database_executor_tests", "the enum DatabaseExecutor contains SeaORM's own connection"),
    ("derive_active_model_ex_send_future_test", "needs no database"),
    ("embedding_tests", "the extension vector"),
    ("rbac_tests", "access control of SeaORM's own connection"),
    ("schema_sync_tests", "definitions of tables alone"),
];

/// The tests that fail, each with the reason. Any other failure, and a success of these, fails the check.
const EXPECTED_FAILURES: &[(&str, &str)] = &[
    ("collection_tests::main", "the embedded server has no extension citext"),
    ("execute_unprepared_tests::main", "two statements in one text"),
];

/// The variable that names the file to which the tests write the numbers of the other tenant's rows.
const OTHER_ROWS: &str = "SEA_ORM_TESTS_OTHER_ROWS";

/// The fewest rows of the other tenant. A test next to no rows proves nothing.
const FEWEST_ROWS: u64 = 500;

/// The features of the tests, which are those of SeaORM for PostgreSQL.
const FEATURES: &[&str] = &[
    "macros",
    "postgres-array",
    "runtime-tokio",
    "sqlx-postgres",
    "stream",
    "tests-cfg",
    "with-bigdecimal",
    "with-chrono",
    "with-ipnetwork",
    "with-json",
    "with-rust_decimal",
    "with-time",
    "with-uuid",
];

/// The crates that the tests use.
const DEPENDENCIES: &str = r#"
async-trait = "0.1"
bigdecimal = "0.4"
chrono = "0.4"
dotenv = { package = "dotenvy", version = "0.15" }
futures-util = "0.3"
ipnetwork = { version = "0.21", features = ["serde"] }
maplit = "1"
pretty_assertions = "1"
rust_decimal = "1"
sea-orm-macros = "2"
sea-query = "1"
serde = { version = "1", features = ["derive"] }
serde_json = "1"
sqlx = { version = "0.9", default-features = false }
time = { version = "0.3", features = ["macros"] }
tokio = { version = "1", features = ["full"] }
tracing = "0.1"
tracing-subscriber = "0.3"
url = "2"
uuid = { version = "1", features = ["v4"] }
"#;

/// The outcome of a test, under the name of its file and its own.
type Outcomes = BTreeMap<String, bool>;

/// Runs the tests, prints the numbers, and fails if another test than the expected ones fails.
pub(crate) fn run(cargo: &Cargo) -> Result<()> {
    let databases = Databases::start(cargo, None)?;
    let source = source(cargo)?;
    let package = cargo.root().join("target/sea-orm-tests");
    prepare(cargo, &source, &package)?;

    let rows = package.join("other-rows");
    std::fs::remove_file(&rows).ok();
    let mut outcomes = Outcomes::new();
    for (file, program) in programs(cargo, &package)? {
        let mut command = Command::new(program);
        command.current_dir(&package).env(OTHER_ROWS, &rows).stderr(Stdio::null());
        // A failing test is part of the result, so the status says nothing new.
        let printed = databases.env(&mut command).output().with_context(|| file.clone())?;
        let printed = String::from_utf8_lossy(&printed.stdout);
        let tests = outcomes_of(&file, &printed);
        // A file of tests that only have to compile has no outcome.
        ensure!(printed.contains("test result:"), "{file} did not end: {printed}");
        if tests.iter().any(|(test, passed)| !passed && reason(test).is_none()) {
            println!("{printed}");
        }
        outcomes.extend(tests);
    }
    let rows = std::fs::read_to_string(&rows).unwrap_or_default();
    let rows: u64 = rows.lines().filter_map(|line| line.parse::<u64>().ok()).sum();
    println!("{rows} rows of the other tenant were inserted before those of the tested tenant");
    ensure!(rows > FEWEST_ROWS, "the other tenant has too few rows for a test of isolation");
    report(&outcomes)
}

fn report(outcomes: &Outcomes) -> Result<()> {
    let passed = outcomes.values().filter(|passed| **passed).count();
    println!("{passed} of {} tests of SeaORM pass through a tenant's connection", outcomes.len());
    for (test, why) in EXPECTED_FAILURES {
        println!("    fails as expected: {test} ({why})");
    }
    for (file, why) in LEFT_OUT {
        println!("    left out: {file} ({why})");
    }
    let failed: BTreeSet<&str> =
        outcomes.iter().filter(|(_, passed)| !**passed).map(|(test, _)| test.as_str()).collect();
    let expected: BTreeSet<&str> = EXPECTED_FAILURES.iter().map(|(test, _)| *test).collect();
    if failed != expected {
        let unexpected: Vec<_> = failed.difference(&expected).collect();
        let missing: Vec<_> = expected.difference(&failed).collect();
        bail!(
            "these tests fail unexpectedly: {unexpected:?}; these are listed as failures and pass or are gone: {missing:?}"
        );
    }
    Ok(())
}

fn reason(test: &str) -> Option<&'static str> {
    EXPECTED_FAILURES.iter().find(|(expected, _)| *expected == test).map(|(_, why)| *why)
}

/// The lines `test NAME ... ok` of a test program, without the tests of the code that all files share.
fn outcomes_of(file: &str, printed: &str) -> Outcomes {
    let outcome = |line: &str| {
        let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
        let name = name.split(" - ").next().filter(|name| !name.starts_with("common::"))?;
        match outcome {
            "ok" => Some((format!("{file}::{name}"), true)),
            "FAILED" => Some((format!("{file}::{name}"), false)),
            _ => None,
        }
    };
    printed.lines().filter_map(outcome).collect()
}

/// The folder of the published crate.
fn source(cargo: &Cargo) -> Result<PathBuf> {
    let metadata = output(&mut cargo.command(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
    let packages =
        metadata.get("packages").and_then(Value::as_array).context("cargo metadata lists no packages")?;
    let sea_orm = packages.iter().find(|found| found.get("name").and_then(Value::as_str) == Some("sea-orm"));
    let manifest =
        sea_orm.and_then(|found| found.get("manifest_path")?.as_str()).context("sea-orm is no dependency")?;
    let folder = Path::new(manifest).parent().context("the manifest of sea-orm has no folder")?.to_owned();
    ensure!(folder.join("tests").is_dir(), "{} has no tests; SeaORM 2.0.4 ships them", folder.display());
    Ok(folder)
}

/// Writes the package: the tests, a manifest, and the versions of the repository, which are already downloaded.
fn prepare(cargo: &Cargo, source: &Path, package: &Path) -> Result<()> {
    std::fs::create_dir_all(package)?;
    copy(&source.join("tests"), &package.join("tests"), &|name| {
        !LEFT_OUT.iter().any(|(file, _)| name.strip_suffix(".rs") == Some(file))
    })?;
    write(&package.join("Cargo.toml"), manifest(cargo.root())?.as_bytes())?;
    if !package.join("Cargo.lock").exists() {
        std::fs::copy(cargo.root().join("Cargo.lock"), package.join("Cargo.lock"))?;
    }
    Ok(())
}

fn manifest(root: &Path) -> Result<String> {
    // A string of JSON is a string of TOML.
    let path = |folder: &str| {
        serde_json::to_string(&root.join(folder)).context("the path of the repository is not UTF-8")
    };
    let list = serde_json::to_string(FEATURES)?;
    let empty: Vec<_> = FEATURES.iter().map(|feature| format!("{feature} = []")).collect();
    let empty = empty.join("\n");
    Ok(format!(
        "[package]\nname = \"sea-orm-tests\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n\
         [lib]\nname = \"sea_orm\"\npath = {}\ntest = false\ndoctest = false\n\n\
         [features]\ndefault = {list}\n{empty}\n\n\
         [dependencies]{DEPENDENCIES}\
         real = {{ package = \"sea-orm\", version = \"2\", default-features = false, features = {list} }}\n\
         watertight = {{ path = {}, default-features = false }}\nwatertight-migration = {{ path = {} }}\n\n\
         [lints.rust]\nunexpected_cfgs = \"allow\"\n\n[profile.dev]\ndebug = false\n",
        path("xtask/sea-orm-tests/src/lib.rs")?,
        path("service")?,
        path("migration")?,
    ))
}

/// Copies the chosen files of a folder and all of its folders. Files that are the same keep their time.
fn copy(from: &Path, to: &Path, chosen: &dyn Fn(&str) -> bool) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name().into_string().ok().context("a name that is not UTF-8")?;
        let (path, copied) = (entry.path(), to.join(&name));
        if path.is_dir() {
            copy(&path, &copied, &|_| true)?;
        } else if chosen(&name) {
            write(&copied, &std::fs::read(&path)?)?;
        } else if copied.exists() {
            std::fs::remove_file(&copied)?;
        }
    }
    Ok(())
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|present| present == content) {
        return Ok(());
    }
    std::fs::write(path, content).with_context(|| path.display().to_string())
}

/// Builds the tests, and returns the program of each file.
fn programs(cargo: &Cargo, package: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut build = cargo.command(["test", "--no-run", "--message-format", "json", "--target-dir"]);
    build.arg(cargo.root().join("target")).current_dir(package);
    let mut programs = Vec::new();
    for line in output(&mut build)?.lines() {
        let message: Value = serde_json::from_str(line).context("cargo printed no JSON")?;
        let name = message.pointer("/target/name").and_then(Value::as_str);
        let program = message.get("executable").and_then(Value::as_str);
        if let (Some(name), Some(program)) = (name, program) {
            programs.push((name.to_owned(), PathBuf::from(program)));
        }
    }
    ensure!(!programs.is_empty(), "cargo built no test");
    programs.sort_unstable();
    Ok(programs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read_with_their_file() {
        let printed = "\nrunning 3 tests\ntest common::cake::d ... ok\ntest main ... ok\ntest inner::b ... FAILED\ntest c ... ignored\n\nfailures:\n";
        let expected = [("bits::inner::b".to_owned(), false), ("bits::main".to_owned(), true)];
        assert_eq!(outcomes_of("bits", printed), expected.into());
    }

    #[test]
    fn other_failures_than_the_expected_ones_fail_the_check() {
        let failing: Outcomes =
            EXPECTED_FAILURES.iter().map(|(test, _)| ((*test).to_owned(), false)).collect();
        assert!(report(&failing).is_ok());
        assert!(report(&Outcomes::from([("a::b".to_owned(), false)])).is_err());
        let passing: Outcomes =
            EXPECTED_FAILURES.iter().map(|(test, _)| ((*test).to_owned(), true)).collect();
        assert_eq!(report(&passing).is_ok(), EXPECTED_FAILURES.is_empty());
    }
}
