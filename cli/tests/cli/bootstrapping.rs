//! Repeated bootstraps, and files from which no password is read.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use anyhow::Result;
use watertight::auth::{LoginRequest, Password};
use watertight_tests::new_tenant;

use super::{Cli, Run};

const KIM: &str =
    "[[users]]\nhandle = \"kim\"\nemail = \"kim@example.com\"\nrole = \"viewer\"\npassword_env = \"PW\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_runs_it_again_puts_nothing_back() -> Result<()> {
    let cli = Cli::new().await?;
    let tenant = new_tenant()?;
    let id = tenant.to_string();
    let bootstrap = |password: &str, more: &[&str]| -> Run {
        let mut args = vec!["bootstrap", "--tenant", &id, "u.toml"];
        args.extend(more);
        cli.command(&args).env("PW", password).output().unwrap().into()
    };
    cli.write("u.toml", &format!("{KIM}display_name = \" Kim \"\n"))?;
    bootstrap("first password", &[]).ends_with(0);

    let settings = watertight::auth::AuthSettings::default()
        .signing_keys(watertight::auth::SigningKeys::new([vec![7; 32]])?);
    let water = cli.database.water_with(watertight::Watertight::builder().auth(settings)).await?;
    let (clinic, handle) = (water.tenant(tenant), "kim".parse()?);
    let user = clinic.auth().users().find_by_handle(&handle).await?.unwrap();
    assert_eq!((user.profile.display_name.as_deref(), user.needs_onboarding), (Some("Kim"), false));
    clinic.auth().users().set_password(user.id, Password::new("own password")?).await?;
    let login = |password: &'static str| {
        let clinic = &clinic;
        async move {
            clinic.auth().login(LoginRequest::new("kim".parse()?, Password::new(password)?)).await?;
            anyhow::Ok(())
        }
    };
    cli.write("u.toml", &KIM.replace("viewer", "admin").replace("kim@", "kim2@"))?;
    let again = bootstrap("first password", &[]).ends_with(0);
    assert!(again.out.contains("differs    kim: email,role"), "{}", again.out);
    login("own password").await?;
    let role = bootstrap("first password", &["--update", "role"]).ends_with(0);
    assert!(
        role.out.contains("updated    kim") && role.out.contains("differs    kim: email"),
        "{}",
        role.out
    );
    login("own password").await?;
    bootstrap("first password", &["--update", "password,email"]).ends_with(0);
    login("first password").await?;
    cli.write("u.toml", &format!("{KIM}is_active = false\nonboarding_step = 3\n"))?;
    bootstrap("first password", &["--update", "all"]).ends_with(0);
    let user = clinic.auth().users().find_by_handle(&handle).await?.unwrap();
    assert!(!user.is_active && user.onboarding_step == 3);
    bootstrap("first password", &["--update", "salary"]).ends_with(2);
    bootstrap("first password", &["--update", "role", "--keep-existing"]).ends_with(2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_file_is_private_regular_and_short() -> Result<()> {
    let cli = Cli::new().await?;
    let id = new_tenant()?.to_string();
    let from = |name: &str| KIM.replace("password_env = \"PW\"", &format!("password_file = \"{name}\""));
    let path = |name: &str| cli.folder.path().join(name);
    assert!(std::process::Command::new("mkfifo").arg(path("fifo")).status()?.success());
    cli.write("public", "a long password")?;
    std::fs::set_permissions(path("public"), std::fs::Permissions::from_mode(0o644))?;
    cli.write("long", &"x".repeat(5000))?;
    cli.write("bytes", "")?;
    std::fs::write(path("bytes"), [0xff, 0xfe])?;
    for (name, tells) in [
        ("fifo", "not a regular file"),
        ("/dev/zero", "not a regular file"),
        ("/dev/stdin", "not a regular file"),
        (".", "not a regular file"),
        ("public", "chmod 600"),
        ("long", "more than 4096 bytes"),
        ("bytes", "not text in UTF-8"),
    ] {
        cli.write("u.toml", &from(name))?;
        let begun = Instant::now();
        let error = cli.run(&["bootstrap", "--tenant", &id, "u.toml"]).ends_with(2).err;
        assert!(error.contains(tells) && !error.contains("a long password"), "{name}: {error}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{name}");
    }
    std::fs::rename(path("fifo"), path("users.toml"))?;
    assert!(cli.run(&["bootstrap", "--tenant", &id, "users.toml"]).ends_with(2).err.contains("regular"));
    for (text, tells) in
        [("users = []", "is empty"), (&KIM.replace("PW", "483920"), "not the name of a variable")]
    {
        cli.write("u.toml", text)?;
        let error = cli.run(&["bootstrap", "--tenant", &id, "u.toml"]).ends_with(2).err;
        assert!(error.contains(tells) && !error.contains("483920"), "{error}");
    }
    Ok(())
}
