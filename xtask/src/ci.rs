//! Every check, the cheapest first.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;
use watertight_schema::TableSet;

use crate::cargo::Cargo;
use crate::installation::Installation;
use crate::server::Databases;
use crate::{
    dependencies, entities, examples, language, other_libraries, process, publishing, quickstart, test,
    with_second,
};

/// The isolation suites of the test program `watertight`, by parts of their tests' names.
#[rustfmt::skip]
const ISOLATION: &[&str] = &[
    "across::", "connection::", "convert::", "doctor::", "hostile", "isolation::", "keys::", "maintenance::", "oracle::", "plans::",
    "refusals::", "relations::", "report_only::", "row_security::", "rows::", "server_", "signed", "start::", "streams::",
    "tenant_parameter::", "transaction_settings::", "transactions::", "unscoped::",
];

/// The variable with the number of random statements of each test of the law.
const ORACLE_CASES: &str = "WATERTIGHT_ORACLE_CASES";

/// The features of SeaORM that an application can enable, except those of other runtimes.
#[rustfmt::skip]
const SEA_ORM: &[&str] = &[
    "debug-print", "entity-registry", "json-array", "macros", "mariadb-use-returning", "mock", "postgres-array", "postgres-vector",
    "proxy", "rbac", "runtime-tokio-rustls", "schema-sync", "seaography", "serde", "sqlite-use-returning-for-3_35", "sqlx-mysql",
    "sqlx-postgres", "sqlx-sqlite", "stream", "tracing-spans", "with-arrow", "with-bigdecimal", "with-chrono", "with-ipnetwork",
    "with-json", "with-mac_address", "with-rust_decimal", "with-time", "with-uuid",
];

pub(crate) fn run(cargo: &Cargo, servers: &[PathBuf]) -> Result<()> {
    let started = Instant::now();
    // Wrong arguments are reported before the checks begin.
    let installations: Vec<_> =
        servers.iter().map(|server| Installation::at(server)).collect::<Result<_>>()?;
    step("format", || {
        process::succeed(&mut cargo.command(["fmt", "--all", "--check"]))?;
        let manifest = ["fmt", "--manifest-path", "examples/graphql/Cargo.toml", "--all", "--check"];
        process::succeed(&mut cargo.command(manifest))
    })?;
    step("language", || process::succeed(&mut language(cargo)))?;
    step("lints", || {
        let args = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
        process::succeed(&mut cargo.command_with_engine(args)?)
    })?;
    step("features", || features(cargo))?;
    step("dependencies", || dependencies::check(cargo))?;
    step("minimum Rust", || publishing::minimum_rust(cargo))?;
    step("packages", || publishing::check(cargo, false))?;
    let databases = step("server", || Databases::start(cargo, None))?;
    step("tests", || {
        let second = Databases::second(cargo)?;
        process::succeed(with_second(second.as_ref(), databases.env(&mut test(cargo))))
    })?;
    step("other libraries", || {
        // The other examples, which need loco, actix and tonic, are checked at night.
        let package = ["--package", "watertight-graphql", "--locked"];
        process::succeed(databases.env(&mut other_libraries(cargo, "test", &package)))
    })?;
    for (installation, directory) in installations.iter().zip(servers) {
        step(&format!("isolation on {}", directory.display()), || isolation(cargo, installation))?;
    }
    step("entities", || entities::check(cargo))?;
    step("migrations", || {
        process::succeed(databases.env(entities::sea_orm_cli(cargo).args(["migrate", "status"])))
    })?;
    step("documentation", || {
        let mut doc = cargo.command(["doc", "--no-deps", "--all-features"]);
        process::succeed(with_denied_warnings(&mut doc))?;
        // The addresses on docs.rs are checked against the pages that were just built.
        process::succeed(language(cargo).arg("--docs"))
    })?;
    step("quickstart", || process::succeed(databases.env(&mut quickstart(cargo))))?;
    step("examples", || examples(cargo, &databases))?;
    println!("all checks passed in {} s", started.elapsed().as_secs());
    Ok(())
}

/// Runs the isolation suites on a server of an installation.
fn isolation(cargo: &Cargo, installation: &Installation) -> Result<()> {
    let (databases, second) = (Databases::of(installation)?, Databases::of(installation)?);
    let mut test = test(cargo);
    test.args(["--test", "watertight", "--"]).args(ISOLATION);
    // The embedded server runs all cases, so that the other servers need not.
    if std::env::var_os(ORACLE_CASES).is_none() {
        test.env(ORACLE_CASES, "150");
    }
    process::succeed(with_second(Some(&second), databases.env(&mut test)))
}

/// Checks the builds of applications that choose fewer features.
fn features(cargo: &Cargo) -> Result<()> {
    let sets = || std::iter::once("").chain(TableSet::ALL.into_iter().map(TableSet::name));
    let of_entities = sets().map(|features| ("watertight-entity", features));
    let of_service = sets().chain(["axum", "auth,axum"]).map(|features| ("watertight", features));
    for (package, features) in of_entities.chain(of_service) {
        let mut clippy = cargo.command(["clippy", "--package", package, "--lib"]);
        clippy.args(["--no-default-features", "--features", features, "--", "--deny", "warnings"]);
        process::succeed(&mut clippy)?;
    }
    // SeaORM 2.0.4 itself does not compile with `proxy` and one of the features left out of the second set.
    let all_but =
        |left_out: &'static [&str]| SEA_ORM.iter().filter(move |feature| !left_out.contains(feature));
    let proxy = "axum,proxy-time,proxy-ipnetwork,proxy-mac-address";
    for (own, of_sea_orm) in [
        ("axum", all_but(&["proxy"]).collect::<Vec<_>>()),
        (proxy, all_but(&["sqlx-mysql", "sqlx-sqlite", "with-bigdecimal"]).collect()),
    ] {
        let features = of_sea_orm.iter().map(|feature| format!("sea-orm/{feature}"));
        let features = features.chain([own.to_owned()]).collect::<Vec<_>>().join(",");
        let mut check = cargo.command(["check", "--package", "watertight", "--lib", "--features", &features]);
        process::succeed(&mut check)?;
    }
    Ok(())
}

fn with_denied_warnings(doc: &mut Command) -> &mut Command {
    doc.env("RUSTDOCFLAGS", "--deny warnings")
}

fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("── {name}");
    let started = Instant::now();
    let result = work()?;
    println!("── {name}: {} s", started.elapsed().as_secs());
    Ok(result)
}
