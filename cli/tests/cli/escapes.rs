//! Names and values with terminal escapes: no command prints one as it is.

use anyhow::Result;
use sea_orm::ConnectionTrait;
use watertight_tests::new_tenant;

use super::{Cli, Run};

/// Escapes of one and of several bytes, C1 controls, controls of direction, and line breaks.
const HOSTILE: &str =
    "x\u{1b}[2J\u{1b}]0;t\u{7}\u{9b}31m\u{202e}\u{2066}\u{200f}\u{2028}\u{7f}\u{85}\r\nwatertight: forged";

#[track_caller]
fn is_clean(run: &Run, about: &str) {
    let text = format!("{}{}", run.out, run.err);
    let acts = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200f}' | '\u{202e}' | '\u{2066}' | '\u{2028}' | '\u{2029}')
    };
    assert!(!text.contains(acts), "{about}: {text:?}");
    let forged = text.lines().filter(|line| line.starts_with("watertight: forged")).count();
    assert_eq!(forged, 0, "{about}: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_prints_an_escape_of_the_database_or_of_a_file() -> Result<()> {
    let cli = Cli::new().await?;
    let id = new_tenant()?.to_string();
    let owner = cli.database.owner().await?;
    let name = HOSTILE.replace("watertight: forged", "w");
    let app = cli.database.app_role();
    owner
        .execute_unprepared(&format!(
            "CREATE TABLE \"{name}\" (tenant_id uuid, \"{name}\" text, CHECK (\"{name}\" <> 'x')); \
             GRANT ALL ON \"{name}\" TO {app}; \
             CREATE VIEW \"v{name}\" AS SELECT * FROM clients; GRANT SELECT ON \"v{name}\" TO {app}; \
             CREATE FUNCTION \"f{name}\"(clients) RETURNS text LANGUAGE sql AS $$ SELECT '' $$"
        ))
        .await?;
    let sees_all = cli.database.maintenance().await?;
    let rows = format!("INSERT INTO \"{name}\" VALUES ('{id}', 'y'), ('{id}', '{HOSTILE}')");
    sees_all.execute_unprepared(&rows).await?;

    cli.run(&["tenant", "export", &id, "--as", "maintenance", "--output", "t.jsonl"]);
    let export = std::fs::read_to_string(cli.folder.path().join("t.jsonl"))?;
    let quoted = serde_json::to_string(HOSTILE)?;
    cli.write("header.jsonl", &export.replace(r#""auth.users""#, &quoted))?;
    cli.write(
        "table.jsonl",
        &format!("{}\n{{\"table\":{quoted},\"row\":{{}}}}\n", export.lines().next().unwrap()),
    )?;
    cli.write("members.jsonl", &format!("{{\"watertight\":{{\"format\":2,{quoted}:1}}}}\n"))?;
    cli.write("role.json", &format!(
        r#"{{"users": [{{"handle": {quoted}, "email": {quoted}, "role": {quoted}, "password_env": "PW"}}]}}"#
    ))?;
    cli.write("field.json", &format!(r#"{{"users": [{{{quoted}: 1}}]}}"#))?;
    cli.write(
        "env.json",
        &format!(r#"{{"users": [{{"handle": {quoted}, "email": "a@b.c", "role": "viewer"}}]}}"#),
    )?;
    cli.write("file.json", &format!(
        r#"{{"users": [{{"handle": "a", "email": "a@b.c", "role": "viewer", "password_file": {quoted}}}]}}"#
    ))?;

    let url = format!("{}?application_name=x", cli.database.app_url());
    for args in [
        &["doctor"][..],
        &["doctor", "--as", "maintenance"],
        &["doctor", "--as", "owner"],
        &["tenant", "stats", &id, "--as", "maintenance"],
        &["tenant", "list"],
        &["tenant", "export", &id, "--as", "app"],
        &["tenant", "import", &id, "t.jsonl", "--as", "maintenance"],
        &["tenant", "import", &id, "header.jsonl", "--as", "maintenance"],
        &["tenant", "import", &id, "table.jsonl", "--as", "maintenance"],
        &["tenant", "import", &id, "members.jsonl", "--as", "maintenance"],
        &["tenant", "rehearse", &id, "--as", "maintenance"],
        &["bootstrap", "--tenant", &id, "role.json"],
        &["bootstrap", "--tenant", &id, "field.json"],
        &["bootstrap", "--tenant", &id, "env.json"],
        &["bootstrap", "--tenant", &id, "file.json"],
        &["purge", "--tenant", &id],
        &["distribute", "--dry-run"],
        &["distribute"],
        &["adopt", "--dry-run"],
        &["adopt"],
        &["keys", "list"],
        &["migrate", "status"],
        &["tenant", "erase", &id, "--confirm", &id, "--as", "maintenance"],
    ] {
        for format in ["text", "json"] {
            let mut command = cli.command(&[&["--format", format], args].concat());
            let run = command.env("PW", "a long password").env("DATABASE_URL", &url).output()?.into();
            is_clean(&run, &format!("{format} {args:?}"));
        }
    }
    // A message of the server, with a value of a row.
    let sql = format!(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', E'{}'; END $$; \
         CREATE TRIGGER refuse BEFORE INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION refuse()",
        HOSTILE.replace('\\', "")
    );
    owner.execute_unprepared(&sql).await?;
    cli.write("one.toml", super::ONE_USER)?;
    let run = cli.run(&["bootstrap", "--tenant", &id, "one.toml"]).ends_with(3);
    assert!(run.err.contains("\\u{1b}[2J"), "{}", run.err);
    is_clean(&run, "a message of the server");
    Ok(())
}
