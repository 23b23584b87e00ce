//! Handles that are addresses, and users without an address, are adopted after the operator has accepted their new names.

use anyhow::Result;
use sea_orm::EntityTrait;
use watertight::Watertight;
use watertight::auth::{EncryptionKeys, LoginRequest, SecondFactor};
use watertight::entity::public::{clients, practitioners};
use watertight_migration::adopt::{AdoptionError, ProblemKind};

use super::{CLINIC, STUDIO, adoption, listing, plant, with_rows};
use crate::auth::{request, settings};

/// The password is 123456, as of the studio's user.
const HASH: &str = "$2b$04$zyxwvutsrqponmlkjihgfecKV29yPOsR5TZ12bq3Rs..1zVghAvle";

/// Names as the peer package lets them be. Mona has a second factor and backup codes.
fn odd_names() -> String {
    let user = |handle: &str, email: &str| {
        format!(
            "INSERT INTO auth.users (tenant_id, handle, email, password_hash) \
             VALUES ('{CLINIC}', '{handle}', '{email}', '{HASH}');"
        )
    };
    [
        format!("UPDATE auth.users SET handle = 'Mona@Example.com', email = '' WHERE tenant_id = '{CLINIC}' AND handle = 'mona';"),
        "UPDATE auth.totp_secrets SET handle = 'Mona@Example.com' WHERE handle = 'mona';".to_owned(),
        user("Kai@Old.example", "kai@new.example"),
        user("lee", ""),
        user("lou", "  "),
        user("Front Desk: 1", ""),
        user("Zo\u{eb}@example.com", ""),
        format!("UPDATE practitioners SET handle = 'kim@example.com' WHERE tenant_id = '{CLINIC}';"),
        format!("UPDATE clients SET email = '' WHERE tenant_id = '{CLINIC}';"),
    ]
    .concat()
}

#[tokio::test]
async fn odd_names_are_refused_with_a_proposal_and_nothing_changes() -> Result<()> {
    let (_database, owner) = with_rows().await?;
    plant(&owner, &odd_names()).await?;
    let before = listing::everything(&owner).await?;
    let plan = adoption().plan(&owner).await?;
    for problem in plan.problems() {
        // Empty addresses are also equal to one another, and against a constraint.
        let of_empty = [ProblemKind::Duplicate, ProblemKind::AgainstRule].contains(&problem.kind);
        let of_empty = of_empty && problem.columns == ["email"];
        let unreadable =
            problem.kind == ProblemKind::Unreadable && problem.remedy.contains("--convert-names");
        assert!(of_empty || unreadable, "{problem}");
    }
    let listed: Vec<_> =
        plan.proposals().iter().map(|p| (p.table.as_str(), p.column.as_str(), p.total)).collect();
    assert_eq!(
        listed,
        [
            ("auth.users", "handle", 4),
            ("auth.users", "email", 5),
            ("auth.totp_secrets", "handle", 1),
            ("public.practitioners", "handle", 1),
            ("public.clients", "email", 1),
        ]
    );
    let told = plan.to_string();
    for line in [
        "handle 'Kai@Old.example' becomes 'kai_old.example'",
        "email '' becomes 'mona@example.com'",
        "email '' becomes 'lee@no-email.invalid'",
        "email '  ' becomes 'lou@no-email.invalid'",
        "handle 'Front Desk: 1' becomes 'front_desk__1'",
        "email '' becomes 'c0000000-0000-4000-8000-000000000051@no-email.invalid'",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let refused = adoption().run(&owner).await;
    assert!(matches!(refused, Err(AdoptionError::Refused { .. })), "{refused:?}");
    listing::assert_same(&listing::everything(&owner).await?, &before);
    Ok(())
}

#[tokio::test]
async fn owners_of_converted_names_log_in() -> Result<()> {
    let (database, owner) = with_rows().await?;
    plant(&owner, &odd_names()).await?;
    let accepted = adoption().convert_names();
    let plan = accepted.plan(&owner).await?;
    assert!(plan.problems().is_empty(), "{plan}");
    assert!(plan.proposals().iter().all(|proposal| proposal.accepted));
    let report = accepted.run(&owner).await?;
    assert_eq!(report.conversions, plan.proposals());

    let settings = settings().encryption_keys(EncryptionKeys::new(["a passphrase"])?);
    let water = database.water_with(Watertight::builder().auth(settings)).await?;
    let clinic = water.tenant(CLINIC.parse()?);
    for (name, handle) in [
        ("kai@new.example", "kai_old.example"),
        ("kai_old.example", "kai_old.example"),
        ("lee", "lee"),
        ("lou", "lou"),
        ("front_desk__1", "front_desk__1"),
        ("Zoe\u{308}@Example.com", "zo\u{eb}_example.com"),
    ] {
        let login = clinic.auth().login(request(name, "123456")).await?;
        assert_eq!(login.user.handle.as_str(), handle);
    }
    // The name that Mona has always typed, with the second factor.
    let mona = LoginRequest {
        second_factor: Some(SecondFactor::BackupCode("123456".into())),
        ..request("Mona@Example.com", "pässwörd – 鍵")
    };
    let login = clinic.auth().login(mona).await?;
    assert_eq!(
        (login.user.handle.as_str(), login.user.email.as_str()),
        ("mona_example.com", "mona@example.com")
    );
    assert!(clinic.auth().totp().find(&login.user.handle).await?.is_some());

    let names: Vec<_> = practitioners::Entity::find().all(&clinic).await?;
    assert_eq!(names[0].handle, "kim_example.com");
    let clients = clients::Entity::find().all(&clinic).await?;
    assert_eq!(clients[0].email, format!("{}@no-email.invalid", clients[0].id));
    Ok(())
}

#[tokio::test]
async fn a_converted_name_that_another_row_has_is_a_problem() -> Result<()> {
    let (database, owner) = with_rows().await?;
    let user = |handle: &str, email: &str| {
        format!(
            "INSERT INTO auth.users (tenant_id, handle, email, password_hash) \
             VALUES ('{STUDIO}', '{handle}', '{email}', '{HASH}');"
        )
    };
    let rows =
        [user("lee@b.c", ""), user("lee_b.c", "other@b.c"), user("kim@b.c", ""), user("kim", "kim@b.c")];
    plant(&owner, &rows.concat()).await?;
    let problems = adoption().convert_names().plan(&owner).await?.problems().to_vec();
    let found: Vec<_> = problems.iter().map(|p| (p.kind, p.columns.join(","), p.total)).collect();
    assert_eq!(
        found,
        [(ProblemKind::Duplicate, "handle".into(), 2), (ProblemKind::Duplicate, "email".into(), 2)]
    );
    // Names that can be read stay as they are, also when conversions are accepted.
    plant(&owner, &format!("DELETE FROM auth.users WHERE tenant_id = '{STUDIO}' AND handle ~ '@';")).await?;
    adoption().convert_names().run(&owner).await?;
    let water = database.water_with(Watertight::builder().auth(settings())).await?;
    let studio = water.tenant(STUDIO.parse()?);
    let users = studio.auth().users().all().await?;
    let names: Vec<_> = users.iter().map(|user| (user.handle.as_str(), user.email.as_str())).collect();
    assert_eq!(names, [("jess", "jess@example.com"), ("kim", "kim@b.c"), ("lee_b.c", "other@b.c")]);
    Ok(())
}
