//! The first owner of a tenant, and the onboarding of users.

use anyhow::Result;
use futures_util::future::join_all;
use watertight::Watertight;
use watertight::auth::{AuthError, Role, User};

use super::{PASSWORD, World, new_user, request, settings, trail, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_concurrent_first_owners_is_created() -> Result<()> {
    let world = World::new().await?;
    let elsewhere = world.database.water_with(Watertight::builder().auth(settings())).await?;
    let tenants = [world.clinic.clone(), elsewhere.tenant(world.clinic.tenant_id())];
    let created = join_all((0..12).map(|n| {
        let tenant = tenants[n % 2].clone();
        // Half of them have the same names.
        let new = new_user(if n % 4 < 2 { "jess".to_owned() } else { format!("owner{n}") }.as_str());
        async move { tenant.auth().users().create_first_owner(new).await }
    }))
    .await;
    let owners: Vec<User> = created.iter().filter_map(|created| created.as_ref().ok().cloned()).collect();
    assert_eq!(owners.len(), 1);
    let refused = created.iter().filter(|created| matches!(created, Err(AuthError::AlreadySetUp)));
    assert_eq!(refused.count(), 11, "{created:?}");
    assert_eq!(world.clinic.auth().users().all().await?, owners);
    assert_eq!(owners[0].role, Role::BusinessOwner);
    assert_eq!(trail(&world.clinic).await?, ["USER_CREATED", "SYSTEM_CONFIGURED"]);
    world.clinic.auth().login(request(owners[0].handle.as_str(), PASSWORD)).await?;
    // Another tenant has a first owner of its own.
    let theirs = world.studio.auth().users().create_first_owner(new_user("jess")).await?;
    assert_ne!(theirs.id, owners[0].id);
    Ok(())
}

#[tokio::test]
async fn a_tenant_with_any_user_has_no_first_owner_and_costs_no_hash() -> Result<()> {
    let world = World::new().await?;
    let users = world.clinic.auth().users();
    let kai = user(&world.clinic, "kai").await?;
    let hashes = world.water.hashing_metrics().done;
    let refused = users.create_first_owner(new_user("jess")).await;
    assert!(matches!(refused, Err(AuthError::AlreadySetUp)), "{refused:?}");
    assert_eq!(world.water.hashing_metrics().done, hashes);
    // An empty tenant can begin again, also after its first owner was deleted.
    users.delete(kai.id).await?;
    for _ in 0..2 {
        let owner = users.create_first_owner(new_user("jess")).await?;
        users.delete(owner.id).await?;
    }
    Ok(())
}

#[tokio::test]
async fn onboarding_has_steps_that_are_logged() -> Result<()> {
    let world = World::new().await?;
    let users = world.clinic.auth().users();
    let jess = user(&world.clinic, "jess").await?;
    let state = |user: &User| (user.needs_onboarding, user.onboarding_step);
    assert_eq!(state(&users.complete_onboarding_step(jess.id, 2).await?), (true, 2));
    assert_eq!(state(&users.complete_onboarding_step(jess.id, 1).await?), (true, 2), "no way back");
    assert_eq!(state(&users.complete_onboarding_step(jess.id, u16::MAX).await?), (true, 65_535));
    assert_eq!(state(&users.complete_onboarding(jess.id).await?), (false, 65_535));
    assert_eq!(state(&users.begin_onboarding(jess.id).await?), (true, 0));
    let skipped = users.skip_onboarding(jess.id).await?;
    assert_eq!(state(&skipped), (false, 0));
    assert_eq!(users.find(jess.id).await?, Some(skipped));
    let step = "ONBOARDING_STEP_COMPLETED";
    assert_eq!(
        trail(&world.clinic).await?,
        [step, step, step, "ONBOARDING_COMPLETED", "ONBOARDING_STARTED", "ONBOARDING_SKIPPED"]
    );
    let theirs = world.studio.auth().users().complete_onboarding_step(jess.id, 3).await;
    assert!(matches!(theirs, Err(AuthError::UserNotFound { .. })), "{theirs:?}");
    Ok(())
}
