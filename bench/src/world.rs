//! The rows on which operations are measured: one measured tenant among others.

use anyhow::{Context, Result};
use chrono::{Days, NaiveDate, Utc};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, EntityTrait, PaginatorTrait};
use uuid::Uuid;
use watertight::auth::{AuthSettings, SigningKeys};
use watertight::entity::auth::users;
use watertight::{Builder, TenantId, Watertight};
use watertight_tests::TestDatabase;

/// The number of the tenant's users.
pub(crate) const USERS: usize = 1_000;

/// The number of connections of each way.
pub(crate) const POOL: u32 = 16;

/// The key that signs tokens in each way.
pub(crate) const SIGNING_KEY: [u8; 32] = [7; 32];

const TENANT: u128 = 0x7e4a_0000_0000_4000_8000_0000_0000_0001;
const USER: u128 = 0x0005_e400_0000_4000_8000_0000_0000_0000;
const SESSION: u128 = 0x5e55_1000_0000_4000_8000_0000_0000_0000;
const SERVICE: u128 = 0x5e54_1ce0_0000_4000_8000_0000_0000_0001;

/// The database and its contents.
pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) tenant: TenantId,
    pub(crate) service: Uuid,
    pub(crate) tokens: Vec<String>,
    pub(crate) from: NaiveDate,
    pub(crate) to: NaiveDate,
}

impl World {
    /// Creates the database and fills it: 1,000 users of the tenant with a session each, 100,000 audit events
    /// and 2,000 bookings of ten practitioners, and nine more tenants with a tenth of these rows.
    pub(crate) async fn create() -> Result<Self> {
        let database = TestDatabase::create().await?;
        let tenant = TenantId::new(Uuid::from_u128(TENANT))?;
        let maintenance = database.maintenance().await?;
        for n in 0..10_u128 {
            let (users, events, bookings) = if n == 0 { (USERS, 100_000, 200) } else { (100, 10_000, 20) };
            fill(&maintenance, Uuid::from_u128(TENANT + n), users, events, bookings).await?;
        }
        maintenance.close().await?;
        let owner = database.owner().await?;
        owner.execute_unprepared("ANALYZE").await?;
        owner.close().await?;

        let water = connect(&database, Watertight::builder()).await?;
        let auth_tenant = water.tenant(tenant);
        let mut tokens = Vec::with_capacity(USERS);
        for n in 0..USERS {
            let token = auth_tenant.auth().sessions().issue_token(Self::session(n)).await?;
            tokens.push(token.expose_secret().to_owned());
        }
        anyhow::ensure!(users::Entity::find().count(&auth_tenant).await? == USERS as u64);
        water.close().await?;
        let from = Utc::now().date_naive() + Days::new(1);
        Ok(Self {
            database,
            tenant,
            service: Uuid::from_u128(SERVICE),
            tokens,
            from,
            to: from + Days::new(13),
        })
    }

    /// The ID of a user.
    pub(crate) fn user(n: usize) -> Uuid {
        Uuid::from_u128(USER + (n % USERS) as u128)
    }

    /// The handle of a user.
    pub(crate) fn handle(n: usize) -> String {
        format!("user-{}", n % USERS)
    }

    /// The token of a user's session.
    pub(crate) fn token(&self, n: usize) -> Result<&str> {
        self.tokens.get(n % USERS).map(String::as_str).context("a token for each user")
    }

    fn session(n: usize) -> Uuid {
        Uuid::from_u128(SESSION + n as u128)
    }

    /// Deletes the rows that operations have written, and vacuums, so that each operation starts from the same
    /// state.
    pub(crate) async fn tidy(&self) -> Result<()> {
        let maintenance = self.database.maintenance().await?;
        for sql in [
            "DELETE FROM auth.sessions WHERE user_agent = 'bench'",
            "DELETE FROM auth.audit_events WHERE handle = 'bench'",
            "VACUUM (ANALYZE) auth.sessions",
            "VACUUM (ANALYZE) auth.audit_events",
            "VACUUM (ANALYZE) auth.users",
        ] {
            maintenance.execute_unprepared(sql).await.with_context(|| sql.to_owned())?;
        }
        maintenance.close().await?;
        Ok(())
    }

    /// Adds expired sessions to the tenant.
    pub(crate) async fn expire(&self, sessions: usize) -> Result<()> {
        let maintenance = self.database.maintenance().await?;
        let sql = format!(
            "INSERT INTO auth.sessions (tenant_id, user_id, expires_at, client_ip, user_agent, device_type) \
             SELECT '{}', ('{USER_PREFIX}' || lpad(to_hex(n % {USERS}), 12, '0'))::uuid, \
                    now() - interval '1 day', '192.0.2.1', 'bench', 'desktop' FROM generate_series(1, {sessions}) n",
            self.tenant
        );
        maintenance.execute_unprepared(&sql).await?;
        maintenance.execute_unprepared("VACUUM (ANALYZE) auth.sessions").await?;
        maintenance.close().await?;
        Ok(())
    }
}

/// The beginning of the users' IDs as text.
pub(crate) const USER_PREFIX: &str = "0005e400-0000-4000-8000-";

/// The beginning of the sessions' IDs as text.
pub(crate) const SESSION_PREFIX: &str = "5e551000-0000-4000-8000-";

async fn fill(
    db: &DatabaseConnection,
    tenant: Uuid,
    users: usize,
    events: usize,
    bookings: usize,
) -> Result<()> {
    for sql in [
        format!(
            "INSERT INTO auth.users (tenant_id, id, handle, email, display_name, password_hash, role) \
             SELECT '{tenant}', ('{USER_PREFIX}' || lpad(to_hex(n), 12, '0'))::uuid, 'user-' || n, \
                    'user-' || n || '@example.com', 'User ' || n, '$2b$12$' || repeat('x', 53), 'viewer' \
             FROM generate_series(0, {users} - 1) n"
        ),
        format!(
            "INSERT INTO auth.sessions (tenant_id, id, user_id, expires_at, user_data, client_ip, user_agent, device_type) \
             SELECT '{tenant}', ('{SESSION_PREFIX}' || lpad(to_hex(n), 12, '0'))::uuid, \
                    ('{USER_PREFIX}' || lpad(to_hex(n), 12, '0'))::uuid, now() + interval '7 days', \
                    jsonb_build_object('id', '{USER_PREFIX}' || lpad(to_hex(n), 12, '0'), 'username', 'user-' || n, \
                        'name', 'User ' || n, 'role', 'viewer'), '192.0.2.1', 'Mozilla/5.0', 'desktop' \
             FROM generate_series(0, {users} - 1) n"
        ),
        format!(
            "INSERT INTO auth.audit_events (tenant_id, id, type, user_id, handle, ip_address, details, severity, source, timestamp) \
             SELECT '{tenant}', gen_random_uuid(), 'login.success', \
                    ('{USER_PREFIX}' || lpad(to_hex(n % {users}), 12, '0'))::uuid, 'user-' || n % {users}, '192.0.2.1', \
                    '{{\"method\": \"password\"}}', 'info', 'system', now() - n * interval '1 minute' \
             FROM generate_series(1, {events}) n"
        ),
        format!(
            "INSERT INTO public.business_profile (tenant_id, name, phone, street_address, city, state, postal_code, country, time_zone) \
             VALUES ('{tenant}', 'Clinic', '555-0100', '1 Harbor Street', 'Portland', 'ME', '04101', 'US', 'America/New_York')"
        ),
        format!(
            "INSERT INTO public.business_hours (tenant_id, day_of_week, opens, closes) \
             SELECT '{tenant}', d, '09:00', '17:00' FROM generate_series(0, 6) d"
        ),
        format!(
            "INSERT INTO public.services (tenant_id, id, name, duration_minutes, price_cents) \
             VALUES ('{tenant}', '{}', 'Massage', 60, 9000)",
            Uuid::from_u128(SERVICE)
        ),
        format!(
            "INSERT INTO public.practitioners (tenant_id, handle, name) \
             SELECT '{tenant}', 'practitioner-' || n, 'Practitioner ' || n FROM generate_series(1, 10) n"
        ),
        format!(
            "INSERT INTO public.clients (tenant_id, first_name, last_name, email) \
             SELECT '{tenant}', 'Client', n::text, 'client-' || n || '@example.com' FROM generate_series(1, 100) n"
        ),
        // Each practitioner has bookings of an hour that do not overlap.
        format!(
            "INSERT INTO public.bookings (tenant_id, confirmation_code, service_id, practitioner_id, client_id, datetime, \
                 end_time, duration, status, payment_status, amount_cents) \
             SELECT '{tenant}', 'C-' || row_number() OVER (), '{}', p.id, \
                    (SELECT id FROM public.clients c WHERE c.tenant_id = '{tenant}' AND c.email = 'client-' || 1 + n % 100 || '@example.com'), \
                    at, at + interval '1 hour', 60, 'confirmed', 'unpaid', 9000 \
             FROM public.practitioners p, generate_series(0, {bookings} - 1) n, \
                  LATERAL (SELECT date_trunc('day', now()) + interval '1 day' + n * interval '7 hours' AS at) a \
             WHERE p.tenant_id = '{tenant}'",
            Uuid::from_u128(SERVICE)
        ),
    ] {
        db.execute_unprepared(&sql).await.with_context(|| sql.clone())?;
    }
    Ok(())
}

/// The options of every way. The pool's own ping before each use is off, because it would hide the
/// differences between the ways.
pub(crate) fn options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.max_connections(connections).min_connections(1).test_before_acquire(false).sqlx_logging(false);
    options
}

/// Watertight, with the key that signs tokens.
pub(crate) fn with_auth(builder: Builder) -> Result<Builder> {
    Ok(builder.auth(AuthSettings::default().signing_keys(SigningKeys::new([SIGNING_KEY.to_vec()])?)))
}

pub(crate) async fn connect(database: &TestDatabase, builder: Builder) -> Result<Watertight> {
    Ok(with_auth(builder)?.connect(options(&database.app_url(), POOL)).await?)
}

/// A connection for the hand-written ways, as a role that bypasses row-level security.
pub(crate) async fn by_hand(url: &str, connections: u32) -> Result<DatabaseConnection> {
    Ok(Database::connect(options(url, connections)).await?)
}
