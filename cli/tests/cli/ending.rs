//! Signals, closed outputs, full disks and bad data: nothing is left behind, and each has its exit code.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, TransactionTrait};
use watertight_tests::new_tenant;

use super::{Cli, Run};

fn kill(child: &Child, signal: &str) -> Result<()> {
    let killed = Command::new("kill").args([signal, &child.id().to_string()]).status()?;
    assert!(killed.success());
    Ok(())
}

/// Waits until a condition holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_during_an_export_leaves_no_file() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let cli = Cli::new().await?;
    let id = new_tenant()?.to_string();
    // The lock keeps the export waiting after it has created its file.
    let owner = cli.database.owner().await?;
    let lock = owner.begin().await?;
    lock.execute_unprepared("LOCK TABLE clients IN ACCESS EXCLUSIVE MODE").await?;
    let files =
        || std::fs::read_dir(cli.folder.path()).unwrap().map(|entry| entry.unwrap()).collect::<Vec<_>>();
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129), ("-QUIT", 131)] {
        let mut child = cli
            .command(&["tenant", "export", &id, "--output", "t.jsonl"])
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        until("a temporary file", || !files().is_empty() || child.try_wait().unwrap().is_some());
        for file in files() {
            assert_eq!(file.metadata()?.permissions().mode() & 0o077, 0, "{file:?}");
        }
        kill(&child, signal)?;
        let output = child.wait_with_output()?;
        assert_eq!(output.status.code(), Some(code), "{signal} {:?}", output.status.signal());
        assert!(files().is_empty(), "{signal}: {:?}", files());
    }
    lock.rollback().await?;
    cli.run(&["tenant", "export", &id, "--output", "t.jsonl"]).ends_with(0);
    assert_eq!(files().len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_at_a_prompt_leaves_the_echo_on() -> Result<()> {
    let cli = Cli::new().await?;
    let id = new_tenant()?.to_string();
    cli.write("u.toml", "[[users]]\nhandle = \"kim\"\nemail = \"kim@example.com\"\nrole = \"viewer\"\n")?;
    let program = env!("CARGO_BIN_EXE_watertight");
    for (command, key, signal) in [
        (format!("bootstrap --tenant {id} u.toml"), "1:", "TERM"),
        (format!("bootstrap --tenant {id} u.toml"), "1:", "INT"),
        ("keys add".to_owned(), "", "HUP"),
    ] {
        // The shell becomes the command, and the outer one tells how the terminal is afterwards.
        let inner = format!("(sleep 1; kill -{signal} $$) & exec {program} {command}");
        cli.write("inner.sh", &inner)?;
        cli.write(
            "outer.sh",
            "trap '' INT HUP; sh -c 'trap - INT HUP; . ./inner.sh'; echo \"status $?\"; stty -a",
        )?;
        let mut script = Command::new("script");
        script
            .args(["--quiet", "--return", "--echo", "always", "--command", "bash outer.sh", "/dev/null"])
            .current_dir(cli.folder.path())
            .env("DATABASE_OWNER_URL", cli.database.owner_url())
            .env("DATABASE_URL", cli.database.app_url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if key.is_empty() {
            script.env_remove("WATERTIGHT_TENANT_KEY");
        }
        let mut child = script.spawn().context("script, of util-linux")?;
        let keyboard = child.stdin.take();
        let out = Run::from(child.wait_with_output()?).out;
        drop(keyboard);
        assert!(out.contains(" echo ") || out.contains(" echo\r"), "{signal}: {out}");
        assert!(!out.contains("-echo "), "{signal}: {out}");
        assert!(!out.contains("status 0"), "{signal}: {out}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_and_data_have_exit_codes_of_their_own() -> Result<()> {
    let cli = Cli::new().await?;
    let id = new_tenant()?.to_string();
    let full = |args: &[&str]| -> Result<Run> {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full")?;
        Ok(cli.command(args).stdout(full).output()?.into())
    };
    for args in
        [&["tenant", "export", &id][..], &["doctor"], &["keys", "new"], &["--format", "json", "doctor"]]
    {
        let run = full(args)?.ends_with(5);
        assert!(run.err.contains("No space left"), "{args:?}: {}", run.err);
        // The reader is gone before the command writes.
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let run: Run = cli.command(args).stdout(writer).output()?.into();
        assert_eq!((run.code, run.err.as_str()), (141, ""), "{args:?}");
    }
    cli.run(&["tenant", "import", &id, "nowhere.jsonl"]).ends_with(2);
    cli.run(&["tenant", "export", &id, "--output", "nowhere/t.jsonl"]).ends_with(2);
    cli.run(&["tenant", "import", &id, "."]).ends_with(5);
    for (name, text, tells) in [
        ("empty", String::new(), "the export is empty"),
        ("text", "hello\n".to_owned(), "line 1"),
        ("long", "x".repeat((16 << 20) + 1), "more than 16777216 bytes"),
    ] {
        cli.write(name, &text)?;
        let run = cli.run(&["tenant", "import", &id, name]).ends_with(4);
        assert!(run.err.contains(tells), "{name}: {}", run.err);
    }
    // A file without an end, in which no line ends.
    let mut endless = cli.command(&["tenant", "import", &id]);
    endless.stdin(std::fs::File::open("/dev/zero")?);
    assert!(Run::from(endless.output()?).ends_with(4).err.contains("line 1"));
    // Rows that the database rejects.
    cli.run(&["tenant", "export", &id, "--output", "t.jsonl"]).ends_with(0);
    let export = std::fs::read_to_string(cli.folder.path().join("t.jsonl"))?;
    let (header, footer) = export.split_once('\n').context("two lines")?;
    let row = r#"{"table":"auth.users","row":{"handle":null}}"#;
    cli.write("bad.jsonl", &format!("{header}\n{row}\n{footer}"))?;
    cli.run(&["tenant", "import", &id, "bad.jsonl"]).ends_with(4);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_port_is_reported_at_once_with_host_port_and_database() -> Result<()> {
    let cli = Cli::new().await?;
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    drop(listener);
    let url = format!("postgres://u:s3cret@127.0.0.1:{port}/clinic");
    let id = new_tenant()?.to_string();
    cli.write("u.toml", super::ONE_USER)?;
    for args in [
        &["doctor"][..],
        &["migrate", "status"],
        &["tenant", "stats", &id],
        &["bootstrap", "--tenant", &id, "u.toml"],
    ] {
        let begun = Instant::now();
        let mut command = cli.command(args);
        command.env("DATABASE_URL", &url).env("DATABASE_OWNER_URL", &url);
        let error = Run::from(command.output()?).ends_with(3).err;
        assert!(begun.elapsed() < Duration::from_secs(3), "{args:?}");
        for part in ["refused", "127.0.0.1", &port.to_string(), "clinic"] {
            assert!(error.contains(part), "{args:?} {part}: {error}");
        }
        assert!(!error.contains("s3cret") && !error.contains("timed out"), "{error}");
    }
    // A server that refuses the password or the database says so.
    let wrong = cli.database.app_url().replace(cli.database.name(), "no_such_database");
    let run: Run = cli.command(&["doctor"]).env("DATABASE_URL", wrong).output()?.into();
    assert!(run.ends_with(3).err.contains("no_such_database"));
    std::io::stdout().flush()?;
    Ok(())
}
