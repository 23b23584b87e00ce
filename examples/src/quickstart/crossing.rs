//! The studio tries to reach the clinic's rows while one layer after another is removed.

use anyhow::{Context, Result};
use comfy_table::Table;
use sea_orm::sqlx::postgres::PgDatabaseError;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbBackend, DbErr, EntityTrait, ModelTrait, PaginatorTrait, QueryFilter,
    RuntimeErr, Set, Statement,
};
use watertight::entity::auth::users;
use watertight::entity::public::{bookings, clients, services};
use watertight::{Layers, Refusal, TenantConnection, Watertight};

use crate::claims::Claims;
use crate::show::{headline, table};

/// PostgreSQL's code for a row that a policy rejects.
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// PostgreSQL's code for a reference to a missing row.
const FOREIGN_KEY_VIOLATION: &str = "23503";

/// A statement with a condition that is always true.
const EVERYONE: &str = "SELECT * FROM auth.users WHERE handle = 'jess' OR true";

/// The outcome of an attempt.
#[derive(Debug, Clone, PartialEq)]
enum Outcome {
    /// The statement found or changed this many rows.
    Rows(u64),
    /// The statement was refused before it reached the server.
    Refused(&'static str),
    /// The server answered with this code.
    Server(String),
    /// An unexpected error.
    Other(String),
}

impl Outcome {
    fn of<T>(result: Result<T, DbErr>, rows: impl FnOnce(T) -> u64) -> Self {
        match result {
            Ok(value) => Self::Rows(rows(value)),
            Err(error) => Self::of_error(&error),
        }
    }

    fn of_error(error: &DbErr) -> Self {
        if matches!(error, DbErr::RecordNotUpdated) {
            return Self::Rows(0);
        }
        if let Some(refusal) = Refusal::of(error) {
            return Self::Refused(refusal.statement.name());
        }
        match code(error) {
            Some(code) => Self::Server(code),
            None => Self::Other(error.to_string()),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Rows(1) => "1 row".to_owned(),
            Self::Rows(rows) => format!("{rows} rows"),
            Self::Refused(statement) => format!("{statement} refused, not sent"),
            Self::Server(code) => format!("the server's error {code}"),
            Self::Other(error) => error.clone(),
        }
    }
}

fn code(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    let error = error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?;
    Some(error.code().to_owned())
}

/// The attempts of one section, shown as a table and checked as claims.
struct Attempts {
    shown: Table,
    made: Vec<(String, Outcome, Outcome)>,
}

impl Attempts {
    fn new() -> Self {
        Self { shown: table(&["the studio tries to", "what happens", "stopped by"]), made: Vec::new() }
    }

    fn add(&mut self, attempt: &str, outcome: Outcome, expected: Outcome, stopped_by: &str) {
        self.shown.add_row([attempt, &outcome.describe(), stopped_by]);
        self.made.push((attempt.to_owned(), outcome, expected));
    }

    /// Checks that the attempts have not changed the clinic's rows.
    async fn conclude(
        self,
        claims: &mut Claims,
        clinic: &TenantConnection,
        before: &[users::Model],
    ) -> Result<()> {
        println!("{}", self.shown);
        for (attempt, outcome, expected) in &self.made {
            claims.check(&format!("{attempt}: {}", expected.describe()), outcome, expected);
        }
        let after = everyone(clinic).await?;
        claims.check("the clinic's users are untouched", &after.as_slice(), &before);
        Ok(())
    }
}

async fn everyone(tenant: &TenantConnection) -> Result<Vec<users::Model>, DbErr> {
    let mut users = users::Entity::find().all(tenant).await?;
    users.sort_by_key(|user| user.id);
    Ok(users)
}

fn raw(sql: &str) -> Statement {
    Statement::from_string(DbBackend::Postgres, sql)
}

fn mole_of(clinic: &TenantConnection) -> users::ActiveModel {
    users::ActiveModel {
        tenant_id: Set(clinic.tenant_id().uuid().unwrap_or_default()),
        handle: Set("mole".to_owned()),
        email: Set("mole@example.com".to_owned()),
        password_hash: Set("!".to_owned()),
        ..Default::default()
    }
}

async fn jess_of(clinic: &TenantConnection) -> Result<users::Model> {
    let jess = users::Entity::find().filter(users::Column::Handle.eq("jess"));
    jess.one(clinic).await?.context("the clinic has no jess")
}

/// Attempts against all layers, of which rewriting is the first.
pub(crate) async fn rewriting(
    claims: &mut Claims,
    water: &Watertight,
    studio: &TenantConnection,
    clinic: &TenantConnection,
) -> Result<()> {
    headline(
        3,
        "Crossing over, stopped by rewriting",
        "Every statement is confined to the tenant before it is sent, or refused. Both run-time layers are in force.",
    );
    let rewritten = Watertight::builder().rewriter()?.rewrite(EVERYONE, 0)?;
    println!("{EVERYONE}\nis sent as\n{rewritten}\n");
    let guarded = rewritten.contains(r#"ON users."tenant_id" = $1"#);
    claims.check("the statement sent compares tenant_id with the bound tenant", &guarded, &true);
    let (before, jess) = (everyone(clinic).await?, jess_of(clinic).await?);
    let own = users::Entity::find().count(studio).await?;
    let mut attempts = Attempts::new();

    let found = users::Entity::find_by_id((jess.tenant_id, jess.id)).one(studio).await;
    let outcome = Outcome::of(found, |user| u64::from(user.is_some()));
    attempts.add("read the clinic's jess by her key", outcome, Outcome::Rows(0), "rewriting");

    let all = studio.query_all_raw(raw(EVERYONE)).await;
    let outcome = Outcome::of(all, |rows| rows.len() as u64);
    attempts.add("read all users with raw SQL (it gets its own)", outcome, Outcome::Rows(own), "rewriting");

    let mut renamed: users::ActiveModel = jess.clone().into();
    renamed.role = Set("viewer".to_owned());
    let outcome = Outcome::of(renamed.update(studio).await, |_| 1);
    attempts.add("update the clinic's jess", outcome, Outcome::Rows(0), "rewriting");

    let outcome = Outcome::of(jess.clone().delete(studio).await, |done| done.rows_affected);
    attempts.add("delete the clinic's jess", outcome, Outcome::Rows(0), "rewriting");

    let outcome = Outcome::of(mole_of(clinic).insert(studio).await, |_| 1);
    attempts.add("insert a user for the clinic", outcome, Outcome::Refused("INSERT"), "rewriting");

    let outcome = Outcome::of(
        studio
            .execute_raw(Statement::from_sql_and_values(
                DbBackend::Postgres,
                "UPDATE auth.users SET tenant_id = $1",
                [clinic.tenant_id().into()],
            ))
            .await,
        |done| done.rows_affected(),
    );
    attempts.add("move its users to the clinic", outcome, Outcome::Refused("UPDATE"), "rewriting");

    let setting = format!("SELECT set_config('watertight.tenant', '{}', false)", clinic.tenant_id());
    let outcome = Outcome::of(studio.execute_unprepared(&setting).await, |done| done.rows_affected());
    attempts.add("become the clinic with set_config", outcome, Outcome::Refused("SELECT"), "rewriting");

    let two = "SELECT 1; DELETE FROM auth.users";
    let outcome = Outcome::of(studio.execute_unprepared(two).await, |done| done.rows_affected());
    attempts.add("slip in a second statement", outcome, Outcome::Refused("statement"), "rewriting");

    let outcome =
        Outcome::of(studio.execute_unprepared("TRUNCATE auth.users").await, |done| done.rows_affected());
    attempts.add("truncate the table", outcome, Outcome::Refused("TRUNCATE"), "rewriting");

    let catalog = studio.query_all_raw(raw("SELECT most_common_vals FROM pg_catalog.pg_stats")).await;
    let outcome = Outcome::of(catalog, |rows| rows.len() as u64);
    attempts.add("read values from the statistics", outcome, Outcome::Refused("SELECT"), "rewriting");

    let outcome = Outcome::of(users::Entity::find().count(water.dangerous_unscoped()).await, |count| count);
    attempts.add(
        "use the unscoped connection",
        outcome,
        Outcome::Rows(0),
        "row-level security: no tenant is set",
    );
    attempts.conclude(claims, clinic, &before).await
}

/// Attempts that bypass rewriting: the statements are sent unchanged, and row-level security stops them.
pub(crate) async fn row_level_security(
    claims: &mut Claims,
    app_url: &str,
    studio: &TenantConnection,
    clinic: &TenantConnection,
) -> Result<()> {
    headline(
        4,
        "The same with rewriting bypassed, stopped by row-level security",
        "Layers::UnscopedRowSecurityOnly sends every statement as it is.",
    );
    let (before, jess) = (everyone(clinic).await?, jess_of(clinic).await?);
    let own = users::Entity::find().count(studio).await?;
    let bypassed =
        Watertight::builder().dangerous_layers(Layers::UnscopedRowSecurityOnly).connect(app_url).await?;
    let studio = &bypassed.tenant(studio.tenant_id());
    let mut attempts = Attempts::new();
    let policy = "row-level security";

    let found = users::Entity::find_by_id((jess.tenant_id, jess.id)).one(studio).await;
    let outcome = Outcome::of(found, |user| u64::from(user.is_some()));
    attempts.add("read the clinic's jess by her key", outcome, Outcome::Rows(0), policy);

    let all = studio.query_all_raw(raw(EVERYONE)).await;
    let outcome = Outcome::of(all, |rows| rows.len() as u64);
    attempts.add("read all users with raw SQL (it gets its own)", outcome, Outcome::Rows(own), policy);

    let mut renamed: users::ActiveModel = jess.clone().into();
    renamed.role = Set("viewer".to_owned());
    let outcome = Outcome::of(renamed.update(studio).await, |_| 1);
    attempts.add("update the clinic's jess", outcome, Outcome::Rows(0), policy);

    let outcome = Outcome::of(jess.clone().delete(studio).await, |done| done.rows_affected);
    attempts.add("delete the clinic's jess", outcome, Outcome::Rows(0), policy);

    let denied = Outcome::Server(INSUFFICIENT_PRIVILEGE.to_owned());
    let outcome = Outcome::of(mole_of(clinic).insert(studio).await, |_| 1);
    attempts.add("insert a user for the clinic", outcome, denied.clone(), policy);

    let moved = users::Entity::update_many().set(users::ActiveModel {
        tenant_id: Set(clinic.tenant_id().uuid().unwrap_or_default()),
        ..Default::default()
    });
    let outcome = Outcome::of(moved.exec(studio).await, |done| done.rows_affected);
    attempts.add("move its users to the clinic", outcome, denied, policy);

    attempts.conclude(claims, clinic, &before).await?;
    bypassed.close().await?;
    Ok(())
}

/// An attempt to insert a row of the studio that refers to a row of the clinic, which the foreign key stops.
pub(crate) async fn keys(
    claims: &mut Claims,
    studio: &TenantConnection,
    clinic: &TenantConnection,
) -> Result<()> {
    headline(
        5,
        "A reference across tenants, stopped by the key",
        "A booking of the studio's own passes rewriting and the policies, but its client is the clinic's.",
    );
    let before = everyone(clinic).await?;
    let client = clients::Entity::find().one(clinic).await?.context("the clinic has no client")?;
    let service = services::Entity::find().one(studio).await?.context("the studio has no service")?;
    let own = bookings::Entity::find().one(studio).await?.context("the studio has no booking")?;
    let mut crossed: bookings::ActiveModel = bookings::ActiveModel {
        confirmation_code: Set("CROSSED".to_owned()),
        service_id: Set(service.id),
        client_id: Set(client.id),
        // At another time, so that no booking is in the way.
        datetime: Set(own.datetime + chrono::TimeDelta::days(1_000)),
        end_time: Set(own.end_time + chrono::TimeDelta::days(1_000)),
        duration: Set(own.duration),
        amount_cents: Set(own.amount_cents),
        ..Default::default()
    };
    let mut attempts = Attempts::new();
    let refused = Outcome::Server(FOREIGN_KEY_VIOLATION.to_owned());
    let key = "the foreign key (tenant_id, client_id)";
    let outcome = Outcome::of(crossed.clone().insert(studio).await, |_| 1);
    attempts.add("book a service of its own for the clinic's client", outcome, refused.clone(), key);

    let outcome = Outcome::of(
        bookings::Entity::update_many()
            .col_expr(bookings::Column::ClientId, client.id.into())
            .exec(studio)
            .await,
        |done| done.rows_affected,
    );
    attempts.add("hand its bookings to the clinic's client", outcome, refused, key);

    // The same booking for a client of the studio succeeds. It is rolled back to leave the data unchanged.
    crossed.client_id = Set(own.client_id);
    let transaction = studio.begin().await?;
    let outcome = Outcome::of(crossed.insert(&transaction).await, |_| 1);
    drop(transaction);
    attempts.add("book it for its own client", outcome, Outcome::Rows(1), "nothing");
    attempts.conclude(claims, clinic, &before).await
}
