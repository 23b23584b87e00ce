//! A table is not converted if objects would be lost, and the error names the remedy.

use anyhow::Result;
use sea_orm::{ConnectionTrait, Database};
use watertight_migration::HashPartitions;
use watertight_tests::TestDatabase;

use super::{divided, try_up};
use crate::adopt::listing;
use crate::maintenance::Estate;

#[tokio::test]
async fn an_invalid_number_or_table_is_refused() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    for (partitions, tells) in [
        (HashPartitions::new(0), "into 0 partitions; choose a number from 2 to 256"),
        (HashPartitions::new(1), "into 1 partitions"),
        (HashPartitions::new(100_000), "into 100000 partitions"),
        (HashPartitions::of([("public", "nowhere")], 4), "tenant table public.nowhere does not exist"),
        (
            HashPartitions::of([("public", "seaql_migrations")], 4),
            "tenant table public.seaql_migrations does not exist",
        ),
        (HashPartitions::of([("public", "x".repeat(70))], 4), "1 to 63 bytes"),
    ] {
        let error = try_up(&owner, partitions).await.expect_err(tells).to_string();
        assert!(error.contains(tells), "{error}");
    }
    let again = try_up(&divided().await?.owner().await?, HashPartitions::new(4)).await.expect_err("twice");
    assert!(again.to_string().contains("auth.sessions is already divided into partitions"), "{again}");
    Ok(())
}

#[tokio::test]
async fn objects_that_would_be_lost_are_named_and_nothing_changes() -> Result<()> {
    for (planted, tells) in [
        ("CREATE VIEW public.week AS SELECT * FROM public.bookings", "rule _RETURN on view"),
        ("CREATE FUNCTION public.f(public.bookings) RETURNS int LANGUAGE sql AS 'SELECT 1'", "function"),
        ("CREATE RULE quiet AS ON DELETE TO public.bookings DO INSTEAD NOTHING", "rule quiet"),
        (
            "CREATE UNIQUE INDEX ids ON public.bookings (id) INCLUDE (tenant_id) WHERE duration > 999",
            "unique index public.ids, which does not contain",
        ),
        (
            "ALTER TABLE public.bookings ADD CONSTRAINT alone EXCLUDE USING gist (tstzrange(datetime, end_time) WITH &&) WHERE (duration > 999)",
            "exclusion constraint alone, which does not contain the tenant column",
        ),
        ("ALTER TABLE public.bookings ADD COLUMN n int GENERATED ALWAYS AS IDENTITY", "identity column n"),
        (
            "ALTER TABLE public.bookings ADD CONSTRAINT later CHECK (duration > 5) NOT VALID",
            "constraint later of public.bookings, which is not validated",
        ),
        ("CREATE TABLE public.child () INHERITS (public.bookings)", "inheritance"),
        ("ALTER TABLE public.bookings REPLICA IDENTITY FULL", "replica identity"),
        ("ALTER TABLE public.bookings CLUSTER ON bookings_pkey", "clustered"),
        ("CREATE PUBLICATION news FOR TABLE public.bookings", "publication news"),
    ] {
        let estate = Estate::new().await?;
        let owner = estate.database.owner().await?;
        owner.execute_unprepared(planted).await?;
        let before = listing::everything(&owner).await?;
        let error = try_up(&owner, HashPartitions::new(4)).await.expect_err(planted).to_string();
        assert!(
            error.contains("table public.bookings has objects that would be lost") && error.contains(tells),
            "{error}"
        );
        listing::assert_same(&listing::everything(&owner).await?, &before);
    }
    Ok(())
}

#[tokio::test]
async fn roles_that_do_not_own_the_tables_or_see_all_rows_are_refused() -> Result<()> {
    let database = TestDatabase::create().await?;
    let app = Database::connect(database.app_url()).await?;
    let error = try_up(&app, HashPartitions::new(4)).await.expect_err("not the owner").to_string();
    let expected = format!("the role {} does not own table", database.app_role());
    assert!(error.contains(&expected), "{error}");
    let owner = database.owner().await?;
    let level = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''repeatable read''', \
                 current_database()); END $$";
    owner.execute_unprepared(level).await?;
    let error =
        try_up(&database.owner().await?, HashPartitions::new(4)).await.expect_err("level").to_string();
    assert!(error.contains("the transaction is repeatable read"), "{error}");
    Ok(())
}
