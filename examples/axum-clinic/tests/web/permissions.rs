//! A route that requires a permission is open to users who have it.

use anyhow::Result;
use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use watertight::auth::{Permission, Permissions, Role, RolePermissions, UserUpdate};
use watertight::web::{Permitted, RequiredPermission, Tenancy};
use watertight_axum_clinic::{demo, router};

use crate::visitor::Visitor;
use crate::world::{CLINIC, OWNER, STUDIO, Served, VIEWER, World};

struct ReadTakings;

impl RequiredPermission for ReadTakings {
    const PERMISSION: Permission = Permission::new("takings:read");
}

#[derive(Clone)]
struct App {
    tenancy: Tenancy,
    permissions: RolePermissions,
}

impl FromRef<App> for Tenancy {
    fn from_ref(app: &App) -> Self {
        app.tenancy.clone()
    }
}

impl FromRef<App> for RolePermissions {
    fn from_ref(app: &App) -> Self {
        app.permissions.clone()
    }
}

async fn takings(known: Permitted<ReadTakings>) -> String {
    format!("{} of {}", known.user.handle, known.tenant().tenant_id())
}

#[tokio::test]
async fn a_guarded_route_requires_the_permission_of_the_requests_tenant() -> Result<()> {
    let world = World::open().await?;
    let [clinic, studio] = demo::businesses()?;
    let hosts = [(clinic.host(), clinic.tenant()?), (studio.host(), studio.tenant()?)];
    let tenancy = Tenancy::by_host(world.water.clone(), hosts)?;
    let permissions = RolePermissions::new().grant(Role::BusinessOwner, [ReadTakings::PERMISSION]);
    let guarded = Router::new().route("/takings", get(takings));
    let guarded = guarded.with_state(App { tenancy: tenancy.clone(), permissions });
    let served = Served::new(router(tenancy).merge(guarded)).await?;
    let visitor = |host: &str| Visitor::new(host, served.address);

    assert_eq!(visitor(CLINIC).get("/takings").await?.status, 401);
    let jess = visitor(CLINIC);
    jess.log_in(OWNER).await?;
    let answer = jess.get("/takings").await?;
    assert_eq!((answer.status, answer.text), (200, format!("jess of {}", clinic.tenant()?)));

    let desk = visitor(CLINIC);
    desk.log_in(VIEWER).await?;
    let answer = desk.get("/takings").await?;
    assert_eq!((answer.status, answer.text.as_str()), (403, "not permitted"));
    // A permission beyond the role ends the sessions, and counts after the next login.
    let users = world.clinic.auth().users();
    let user = users.find_by_handle(&VIEWER.0.parse()?).await?.expect("a user");
    let own = Permissions(vec![ReadTakings::PERMISSION.as_str().to_owned()]);
    users.update(user.id, UserUpdate { permissions: Some(own).into(), ..Default::default() }).await?;
    assert_eq!(desk.get("/takings").await?.status, 401);
    desk.log_in(VIEWER).await?;
    assert_eq!(desk.get("/takings").await?.status, 200);
    assert_eq!(visitor(STUDIO).get("/takings").await?.status, 401);
    Ok(())
}
