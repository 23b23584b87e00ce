//! Bootstrapping is atomic and idempotent.

use anyhow::Result;
use watertight::auth::AuthError;
use watertight::auth::{
    BootstrapFields, BootstrapUser, Password, Permissions, Profile, ProfileUpdate, Role, UserUpdate,
};

use super::{PASSWORD, World, password, request, trail, user};

fn wanted(handle: &str, role: &str) -> BootstrapUser {
    BootstrapUser {
        handle: handle.into(),
        email: format!("{}@example.com", handle.trim()),
        role: role.into(),
        credential: Some(password().into()),
        display_name: Some(format!("The {role}")),
        ..Default::default()
    }
}

#[tokio::test]
async fn users_are_created_and_a_rerun_changes_nothing() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let users = || vec![wanted(" Jess ", "admin"), wanted("ana", "front_desk")];
    let first = auth.bootstrap_users(users(), true).await?;
    assert_eq!((first.created.len(), first.updated.len(), first.unchanged.len()), (2, 0, 0));
    let jess = auth.users().find_by_handle(&"jess".parse()?).await?.expect("jess");
    assert_eq!((jess.email.as_str(), &jess.role), ("jess@example.com", &Role::Admin));
    assert_eq!(trail(&world.clinic).await?, ["USER_CREATED", "USER_CREATED", "BOOTSTRAP_COMPLETED"]);
    let all = auth.users().all().await?;

    let second = auth.bootstrap_users(users(), true).await?;
    assert_eq!((second.created.len(), second.updated.len(), second.unchanged.len()), (0, 0, 2));
    assert_eq!(auth.users().all().await?, all);
    assert_eq!(trail(&world.clinic).await?.len(), 3);
    auth.login(request("ana", PASSWORD)).await?;
    Ok(())
}

#[tokio::test]
async fn existing_users_are_updated_and_keep_other_fields() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let profile = ProfileUpdate { bio: Some("Runs it".to_owned()).into(), ..Default::default() };
    auth.users().update(jess.id, UserUpdate { profile, ..Default::default() }).await?;
    let login = auth.login(request("jess", PASSWORD)).await?;

    let role = BootstrapUser { display_name: None, ..wanted("jess", "admin") };
    let report = auth.bootstrap_users(vec![role], true).await?;
    assert_eq!(report.updated[0].profile, Profile { bio: Some("Runs it".into()), ..Default::default() });
    assert_eq!((&report.updated[0].role, report.updated[0].id), (&Role::Admin, jess.id));
    assert!(auth.authenticate(login.token.expose_secret()).await?.is_none(), "the role is another");
    let login = auth.login(request("jess", PASSWORD)).await?;
    assert!(trail(&world.clinic).await?.contains(&"ROLE_CHANGED".to_owned()));

    let other = BootstrapUser {
        credential: Some(Password::new("another one")?.into()),
        permissions: Some(Permissions(vec!["export".into()])),
        needs_onboarding: Some(false),
        ..wanted("jess", "admin")
    };
    let report = auth.bootstrap_users(vec![other], true).await?;
    assert_eq!(report.updated[0].permissions, Some(Permissions(vec!["export".into()])));
    assert!(!report.updated[0].needs_onboarding);
    assert!(auth.authenticate(login.token.expose_secret()).await?.is_none(), "the password is another");
    auth.login(request("jess", "another one")).await?;
    Ok(())
}

#[tokio::test]
async fn users_left_unchanged_cost_no_hash() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let before = world.water.hashing_metrics().done;
    let report = auth.bootstrap_users(vec![wanted("jess", "admin"), wanted("ana", "editor")], false).await?;
    assert_eq!(world.water.hashing_metrics().done - before, 1, "ana's");
    assert_eq!((report.created.len(), report.unchanged), (1, vec![jess]));
    Ok(())
}

#[tokio::test]
async fn an_invalid_user_is_named_and_nothing_is_written() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    user(&world.clinic, "taken").await?;
    let good = || wanted("jess", "admin");
    for (bad, why) in [
        (BootstrapUser { handle: " ".into(), ..good() }, "handle"),
        (BootstrapUser { handle: "ana".into(), email: "ana".into(), ..good() }, "email"),
        (
            BootstrapUser { handle: "ana".into(), email: "ana@x.y".into(), role: String::new(), ..good() },
            "role",
        ),
        (
            BootstrapUser { handle: "ana".into(), email: "ana@x.y".into(), credential: None, ..good() },
            "credential",
        ),
        (BootstrapUser { email: "other@x.y".into(), ..good() }, "handle jess is taken"),
        (BootstrapUser { handle: "ana".into(), ..good() }, "email jess@example.com is taken"),
        (
            BootstrapUser { handle: "ana".into(), email: "taken@example.com".into(), ..good() },
            "email taken@example.com is taken",
        ),
    ] {
        let handle = bad.handle.clone();
        let before = world.water.hashing_metrics().done;
        match auth.bootstrap_users(vec![good(), bad], true).await {
            Err(AuthError::Bootstrap { position: 2, handle: named, source }) => {
                assert_eq!(named.trim(), handle.trim());
                assert!(source.to_string().contains(why), "{source}");
            }
            other => panic!("{why}: {other:?}"),
        }
        if !why.starts_with("email taken") {
            assert_eq!(world.water.hashing_metrics().done, before, "nothing is hashed");
        }
        assert_eq!(auth.users().all().await?.len(), 1, "{why}");
        assert!(auth.audit().recent(None).await?.is_empty(), "{why}");
    }
    Ok(())
}

#[tokio::test]
async fn chosen_fields_are_changed_and_the_others_are_reported() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let created = auth.bootstrap_users(vec![wanted("jess", "admin")], false).await?;
    assert!(!created.created[0].needs_onboarding && created.created[0].is_active);
    let other = || BootstrapUser {
        email: "other@example.com".into(),
        credential: Some(Password::new("another one").unwrap().into()),
        display_name: Some("  Jess  ".into()),
        is_active: Some(false),
        onboarding_step: Some(4),
        ..wanted("jess", "editor")
    };
    let before = world.water.hashing_metrics().done;
    let report = auth.bootstrap_users(vec![other()], BootstrapFields::NONE).await?;
    assert_eq!(world.water.hashing_metrics().done, before);
    assert_eq!(report.unchanged, created.created);
    let [differing] = &report.differing[..] else { panic!("{report:?}") };
    let all = ["email", "role", "display_name", "is_active", "onboarding_step"];
    assert_eq!((differing.handle.as_str(), &differing.fields[..]), ("jess", &all[..]));

    let login = auth.login(request("jess", PASSWORD)).await?;
    let fields = BootstrapFields { display_name: true, onboarding_step: true, ..BootstrapFields::NONE };
    let report = auth.bootstrap_users(vec![other()], fields).await?;
    let jess = &report.updated[0];
    assert_eq!((jess.profile.display_name.as_deref(), jess.onboarding_step), (Some("Jess"), 4));
    assert_eq!((jess.email.as_str(), &jess.role, jess.is_active), ("jess@example.com", &Role::Admin, true));
    assert_eq!(report.differing[0].fields, ["email", "role", "is_active"]);
    assert!(auth.authenticate(login.token.expose_secret()).await?.is_some());
    // A user who is switched off has no session after being switched on again.
    let active = BootstrapFields { is_active: true, ..BootstrapFields::NONE };
    auth.bootstrap_users(vec![other()], active).await?;
    let on = BootstrapUser { is_active: Some(true), ..other() };
    auth.bootstrap_users(vec![on], active).await?;
    assert!(auth.authenticate(login.token.expose_secret()).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn no_user_or_too_many_are_refused() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let many = |number: usize| (0..number).map(|n| wanted(&format!("user{n}"), "viewer")).collect::<Vec<_>>();
    for users in [many(0), many(1001)] {
        let refused = auth.bootstrap_users(users, true).await;
        assert!(matches!(refused, Err(AuthError::InvalidInput(_))), "{refused:?}");
    }
    let long = BootstrapUser { display_name: Some("x".repeat(129)), ..wanted("jess", "admin") };
    assert!(auth.bootstrap_users(vec![long], true).await.is_err());
    let padded = format!(" {} ", "x".repeat(128));
    let fits = BootstrapUser { display_name: Some(padded), ..wanted("jess", "admin") };
    auth.bootstrap_users(vec![fits], true).await?;
    Ok(())
}
