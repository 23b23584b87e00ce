//! The operations with watertight. They do not name the tenant, because the connection has one.

use anyhow::{Context, Result};
use sea_orm::sea_query::JoinType;
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, RelationTrait,
};
use serde_json::json;
use uuid::Uuid;
use watertight::TenantConnection;
use watertight::auth::{
    AuditEventType, AuditFilter, Change, NewAuditEvent, ProfileUpdate, SessionMetadata, UserUpdate,
};
use watertight::entity::public::{bookings, clients, services};
use watertight::scheduling::SlotQuery;

use crate::operation::Operation;
use crate::world::World;

/// A row of the join.
#[derive(FromQueryResult)]
pub(crate) struct Joined {
    pub(crate) id: Uuid,
    pub(crate) confirmation_code: String,
    pub(crate) service: String,
    pub(crate) client: String,
    pub(crate) amount_cents: i32,
}

impl Joined {
    /// Returns true if the row was read.
    pub(crate) const fn is_whole(&self) -> bool {
        !self.id.is_nil()
            && !self.confirmation_code.is_empty()
            && !self.service.is_empty()
            && !self.client.is_empty()
            && self.amount_cents > 0
    }
}

pub(crate) fn event() -> NewAuditEvent {
    NewAuditEvent {
        handle: Some("bench".to_owned()),
        ip_address: "192.0.2.1".parse().ok(),
        details: json!({ "method": "password" }),
        ..NewAuditEvent::new(AuditEventType::LoginSuccess)
    }
}

/// Runs an operation and returns the number of rows.
pub(crate) async fn run(
    operation: Operation,
    tenant: &TenantConnection,
    world: &World,
    n: usize,
) -> Result<usize> {
    let auth = tenant.auth();
    Ok(match operation {
        Operation::GetUser => usize::from(auth.users().find(World::user(n)).await?.is_some()),
        Operation::GetUserByHandle => {
            usize::from(auth.users().find_by_handle(&World::handle(n).parse()?).await?.is_some())
        }
        Operation::Authenticate => usize::from(auth.authenticate(world.token(n)?).await?.is_some()),
        Operation::CreateSession => {
            let metadata =
                SessionMetadata { user_agent: Some("bench".to_owned()), ..SessionMetadata::default() };
            auth.sessions().create(World::user(n), &metadata).await?;
            1
        }
        Operation::LogAuditEvent => {
            auth.audit().log(event()).await?;
            1
        }
        Operation::LogAuditEvents => auth.audit().log_all(vec![event(); 1_000]).await?.len(),
        Operation::GetAuditEvents => {
            let filter = AuditFilter { limit: Some(50), ..AuditFilter::default() };
            auth.audit().page(&filter).await?.events.len()
        }
        Operation::GetAllUsers => auth.users().all().await?.len(),
        Operation::Join => {
            let rows = bookings::Entity::find()
                .select_only()
                .columns([
                    bookings::Column::Id,
                    bookings::Column::ConfirmationCode,
                    bookings::Column::AmountCents,
                ])
                .column_as(services::Column::Name, "service")
                .column_as(clients::Column::Email, "client")
                .join(JoinType::InnerJoin, bookings::Relation::Services.def())
                .join(JoinType::InnerJoin, bookings::Relation::Clients.def())
                .filter(bookings::Column::Datetime.gte(world.from.and_time(chrono::NaiveTime::MIN).and_utc()))
                .filter(bookings::Column::Status.eq("confirmed"))
                .filter(services::Column::Active.eq(true))
                .order_by_asc(bookings::Column::Datetime)
                .limit(50)
                .into_model::<Joined>()
                .all(tenant)
                .await?;
            rows.iter().filter(|row| row.is_whole()).count()
        }
        Operation::UpdateUser => {
            let update = UserUpdate {
                profile: ProfileUpdate {
                    display_name: Change::Set(Some(format!("User {n}"))),
                    ..ProfileUpdate::default()
                },
                ..UserUpdate::default()
            };
            auth.users().update(World::user(n), update).await?;
            1
        }
        Operation::Availability => {
            let query = SlotQuery::new(world.service, world.from, world.to);
            tenant.scheduling().free_slots(&query).await?.len()
        }
        Operation::Transaction => {
            let transaction = tenant.begin().await?;
            let user = transaction.auth().users().find(World::user(n)).await?;
            transaction.commit().await?;
            usize::from(user.is_some())
        }
        Operation::Cleanup => {
            usize::try_from(auth.sessions().delete_expired().await?).context("a number of sessions")?
        }
    })
}
