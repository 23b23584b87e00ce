//! Every foreign key of the database is a relation of the entities, in both directions.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use sea_orm::sea_query::TableRef;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, Identity, Iterable, JoinType, LoaderTrait,
    PaginatorTrait, QueryFilter, QuerySelect, RelationDef, RelationTrait, Statement,
};
use watertight::entity::{auth, public};
use watertight::{TENANT_COLUMN, TenantConnection};
use watertight_tests::{TestDatabase, new_tenant};

/// One direction of a foreign key: a table with columns, and another table with columns.
type Step = (String, Vec<String>, String, Vec<String>);

fn table(table: &TableRef) -> String {
    match table {
        TableRef::Table(name, _) => {
            let schema = name.0.as_ref().map_or("public".to_owned(), |schema| schema.1.to_string());
            format!("{schema}.{}", name.1)
        }
        other => panic!("a relation to {other:?}"),
    }
}

fn columns(identity: &Identity) -> Vec<String> {
    identity.iter().map(ToString::to_string).collect()
}

fn step(relation: &RelationDef) -> Step {
    (
        table(&relation.from_tbl),
        columns(&relation.from_col),
        table(&relation.to_tbl),
        columns(&relation.to_col),
    )
}

/// Runs every relation of the entity as a join, and returns the relations.
async fn walk<E>(tenant: &TenantConnection, _: E) -> Result<Vec<Step>>
where
    E: EntityTrait,
    E::Model: Sync,
{
    let mut steps = Vec::new();
    for relation in E::Relation::iter() {
        let relation = relation.def();
        let step = step(&relation);
        let joined = E::find().join(JoinType::LeftJoin, relation).count(tenant).await;
        assert_eq!(joined.with_context(|| format!("{step:?}"))?, 0);
        steps.push(step);
    }
    Ok(steps)
}

macro_rules! walk_all {
    ($tenant:expr, $($entity:path),* $(,)?) => {{
        let mut steps = BTreeSet::new();
        $({ use $entity as module; steps.extend(walk($tenant, module::Entity).await?); })*
        steps
    }};
}

async fn foreign_keys(db: &impl ConnectionTrait) -> Result<Vec<Step>> {
    let sql = "SELECT k.conrelid::regclass::text, k.confrelid::regclass::text, \
                      (SELECT string_agg(a.attname, ',' ORDER BY o) FROM unnest(k.conkey) WITH ORDINALITY u(n, o) \
                       JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n), \
                      (SELECT string_agg(a.attname, ',' ORDER BY o) FROM unnest(k.confkey) WITH ORDINALITY u(n, o) \
                       JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n) \
               FROM pg_constraint k WHERE k.contype = 'f'";
    let qualified = |name: String| if name.contains('.') { name } else { format!("public.{name}") };
    let split = |columns: String| columns.split(',').map(str::to_owned).collect();
    db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await?
        .iter()
        .map(|row| {
            let (from, to, from_columns, to_columns) = row.try_get_many_by_index()?;
            Ok((qualified(from), split(from_columns), qualified(to), split(to_columns)))
        })
        .collect()
}

#[tokio::test]
async fn every_foreign_key_is_a_relation_in_both_directions() -> Result<()> {
    let database = TestDatabase::create().await?;
    let tenant = &database.water().await?.tenant(new_tenant()?);
    let steps = walk_all!(
        tenant,
        auth::audit_events,
        auth::backup_codes,
        auth::invitations,
        auth::sessions,
        auth::totp_secrets,
        auth::users,
        public::appointments,
        public::booking_payments,
        public::bookings,
        public::business_hours,
        public::business_hours_overrides,
        public::business_profile,
        public::clients,
        public::gift_certificate_redemptions,
        public::gift_certificates,
        public::intake_form_templates,
        public::intake_submissions,
        public::local_bookings,
        public::packages,
        public::payments,
        public::practitioners,
        public::reviews,
        public::services,
        public::slot_reservations,
        public::time_blocks,
    );
    let keys = foreign_keys(&database.owner().await?).await?;
    assert!(keys.len() >= 15, "{keys:?}");
    for (from, from_columns, to, to_columns) in keys {
        let there = (from.clone(), from_columns.clone(), to.clone(), to_columns.clone());
        let back = (to, to_columns, from, from_columns);
        assert!(steps.contains(&there), "{there:?} is no relation");
        assert!(steps.contains(&back), "{back:?} is no relation");
        assert_eq!(there.1.first().map(String::as_str), Some(TENANT_COLUMN));
    }
    Ok(())
}

/// The keys of this many parents are more values than a statement has.
#[tokio::test]
async fn fifty_thousand_parents_are_loaded_with_their_children() -> Result<()> {
    const PARENTS: usize = 50_000;
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    let business = crate::rows::business(&clinic).await?;
    crate::rows::business(&studio).await?;
    let [ann, bob] = business.clients.clone();
    let unknown = || public::clients::Model { id: uuid::Uuid::new_v4(), ..bob.clone() };
    let mut parents: Vec<_> = std::iter::repeat_with(unknown).take(PARENTS - 1).collect();
    parents.push(ann);
    let children = parents.load_many(public::bookings::Entity, &clinic).await?;
    assert_eq!(children.len(), PARENTS);
    assert_eq!(children.last().map(Vec::as_slice), Some([business.booking].as_slice()));
    assert_eq!(children.iter().flatten().count(), 1);
    // Parents of one tenant have no children of another.
    let of_studio = parents.load_many(public::bookings::Entity, &studio).await?;
    assert!(of_studio.iter().all(Vec::is_empty));

    // One value a row, and a condition beside the list.
    let emails = (0..70_000).map(|n| format!("{n}@example.com")).chain(["ann@example.com".to_owned()]);
    let select = public::clients::Entity::find()
        .filter(public::clients::Column::Email.is_in(emails))
        .filter(public::clients::Column::LastName.eq("Doe"));
    assert_eq!(select.all(&clinic).await?.len(), 1);
    Ok(())
}
