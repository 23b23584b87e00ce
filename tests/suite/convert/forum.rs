//! A larger application: enums, JSON, threads, partial and expression keys, deferrable constraints, and names with quotes.

use anyhow::Result;
use sea_orm::ConnectionTrait;
use watertight_migration::TenantType;
use watertight_migration::convert::Conversion;

use super::{Application, convert, undo};
use crate::adopt::texts;

const FIRST: &str = "11111111-2222-4333-8444-555555555555";

const SQL: &str = r#"
    CREATE SCHEMA "Forum"; CREATE TYPE "Forum".state AS ENUM ('open', 'closed');
    CREATE FUNCTION "Forum".shape(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower($1) $$;
    CREATE TABLE "Forum".person (id int GENERATED ALWAYS AS IDENTITY, "Name" text NOT NULL, email text, deleted boolean NOT NULL DEFAULT false,
        settings jsonb NOT NULL DEFAULT '{}', CONSTRAINT "the key" PRIMARY KEY (id));
    CREATE UNIQUE INDEX person_email ON "Forum".person ("Forum".shape(email)) WHERE NOT deleted;
    CREATE UNIQUE INDEX "person ON (x)" ON "Forum".person ("Name" COLLATE "C" text_pattern_ops DESC) INCLUDE (email);
    CREATE INDEX person_settings ON "Forum".person USING gin (settings);
    CREATE TABLE "Forum"."post""s" (id bigserial PRIMARY KEY, author int CONSTRAINT "by ""whom""" REFERENCES "Forum".person (id) ON DELETE SET NULL,
        parent bigint, thread bigint, state "Forum".state NOT NULL DEFAULT 'open', place int, score numeric, ap_id text,
        length int GENERATED ALWAYS AS (length(ap_id)) STORED,
        CONSTRAINT post_parent FOREIGN KEY (parent) REFERENCES "Forum"."post""s" (id) MATCH FULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT post_thread FOREIGN KEY (thread) REFERENCES "Forum"."post""s" (id) DEFERRABLE,
        CONSTRAINT post_place UNIQUE (thread, place) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT post_ap UNIQUE NULLS NOT DISTINCT (ap_id, score) WITH (fillfactor = 70));
    CREATE INDEX post_state ON "Forum"."post""s" (state, score DESC NULLS LAST) WHERE state = 'open' AND score IS NOT NULL;
    CREATE INDEX post_hash ON "Forum"."post""s" USING hash (ap_id);
    ALTER TABLE "Forum".person CLUSTER ON "the key";
    COMMENT ON INDEX "Forum".person_email IS 'it''s unique'; COMMENT ON CONSTRAINT post_parent ON "Forum"."post""s" IS 'a thread';
    COMMENT ON TABLE "Forum".person IS 'people';
    CREATE TABLE "Forum".vote (person int REFERENCES "Forum".person, post bigint REFERENCES "Forum"."post""s" ON DELETE CASCADE, score smallint,
        PRIMARY KEY (person, post));
    CREATE FUNCTION "Forum".touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
    CREATE TRIGGER touch BEFORE UPDATE ON "Forum".vote FOR EACH ROW EXECUTE FUNCTION "Forum".touch();
    CREATE VIEW "Forum".open AS SELECT id, author FROM "Forum"."post""s" WHERE state = 'open';
    CREATE VIEW "Forum".authors WITH (security_barrier = true) AS SELECT DISTINCT author FROM "Forum".open;
    INSERT INTO "Forum".person ("Name", email) SELECT 'n' || n, 'E' || n FROM generate_series(1, 20) n;
    INSERT INTO "Forum"."post""s" (author, parent, thread, place, ap_id) SELECT n % 20 + 1, NULL, NULL, n, 'x' || n FROM generate_series(1, 40) n;
    INSERT INTO "Forum"."post""s" (author, parent, thread, place, ap_id) SELECT n % 20 + 1, n, n, n, 'y' || n FROM generate_series(1, 40) n;
    INSERT INTO "Forum".vote SELECT p.id, s.id, 1 FROM "Forum".person p, "Forum"."post""s" s"#;

#[tokio::test]
async fn unusual_keys_and_names_are_converted_and_restored_exactly() -> Result<()> {
    let application = Application::new(SQL, TenantType::Uuid).await?;
    let before = application.snapshot().await?;
    let settings = application.settings.clone().with_tenant_column("Tenant \"of\" row");
    let conversion =
        Conversion::new(settings).schema("Forum").tables(["person", "post\"s", "vote"]).tenant(FIRST);
    let owner = application.owner().await?;
    let plan = conversion.plan(&owner).await?.to_string();
    for note in
        ["the trigger touch", "the index person_settings (gin) stays", "the index post_hash (hash) stays"]
    {
        assert!(plan.contains(note), "{note}: {plan}");
    }
    convert(&application, &conversion).await?;
    let keys = texts(
        &owner,
        "SELECT regexp_replace(pg_get_indexdef(indexrelid), '^.* USING', '') FROM pg_index JOIN pg_class c ON c.oid = indrelid \
         WHERE c.relnamespace = '\"Forum\"'::regnamespace AND indisunique ORDER BY 1",
    )
    .await?;
    assert_eq!(
        keys,
        [
            r#" btree ("Tenant ""of"" row", "Forum".shape(email)) WHERE (NOT deleted)"#,
            r#" btree ("Tenant ""of"" row", "Name" COLLATE "C" text_pattern_ops DESC) INCLUDE (email)"#,
            r#" btree ("Tenant ""of"" row", ap_id, score) NULLS NOT DISTINCT WITH (fillfactor='70')"#,
            r#" btree ("Tenant ""of"" row", id)"#,
            r#" btree ("Tenant ""of"" row", id)"#,
            r#" btree ("Tenant ""of"" row", person, post)"#,
            r#" btree ("Tenant ""of"" row", thread, place)"#,
        ]
    );
    let foreign = texts(
        &owner,
        "SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' AND \
         conrelid = '\"Forum\".\"post\"\"s\"'::regclass ORDER BY conname",
    )
    .await?;
    assert_eq!(
        foreign,
        [
            r#"by "whom" FOREIGN KEY ("Tenant ""of"" row", author) REFERENCES "Forum".person("Tenant ""of"" row", id) ON DELETE SET NULL (author)"#,
            r#"post_parent FOREIGN KEY ("Tenant ""of"" row", parent) REFERENCES "Forum"."post""s"("Tenant ""of"" row", id) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED"#,
            r#"post_thread FOREIGN KEY ("Tenant ""of"" row", thread) REFERENCES "Forum"."post""s"("Tenant ""of"" row", id) DEFERRABLE"#,
        ]
    );
    let other = "99999999-2222-4333-8444-555555555555";
    let column = "\"Tenant \"\"of\"\" row\"";
    application
        .run_as(
            other,
            &format!(
                "INSERT INTO \"Forum\".person ({column}, \"Name\", email) VALUES ('{other}', 'n1', 'e1'); \
                 INSERT INTO \"Forum\".\"post\"\"s\" ({column}, author, ap_id) SELECT '{other}', id, 'x1' FROM \"Forum\".person"
            ),
        )
        .await?;
    let error = application
        .run_as(
            other,
            &format!(
                "INSERT INTO \"Forum\".person ({column}, \"Name\", email) VALUES ('{other}', 'n2', 'E1')"
            ),
        )
        .await
        .expect_err("taken");
    assert!(format!("{error:?}").contains("person_email"), "{error:?}");
    application
        .run_as(FIRST, "DELETE FROM \"Forum\".person WHERE id = 1")
        .await
        .expect_err("votes refer to it");
    application.run_as(other, "DELETE FROM \"Forum\".person").await?;
    let authors = format!(
        "SELECT count(*)::text FROM \"Forum\".\"post\"\"s\" WHERE author IS NULL AND {column} = '{other}'"
    );
    assert_eq!(application.read_as(other, &authors).await?, ["1"]);
    application.run_as(other, "DELETE FROM \"Forum\".\"post\"\"s\"").await?;
    undo(&application, &conversion).await?;
    application.snapshot().await?.assert_equals(&before);
    Ok(())
}

/// A foreign key to a shared table stays, and so does one that was never validated after an undo.
#[tokio::test]
async fn foreign_keys_to_shared_tables_stay() -> Result<()> {
    let sql = "CREATE TABLE currency (code text PRIMARY KEY); \
               CREATE TABLE price (id serial PRIMARY KEY, code text REFERENCES currency (code)); \
               CREATE TABLE offer (id serial PRIMARY KEY, price_id int); \
               INSERT INTO currency VALUES ('EUR'); INSERT INTO price (code) VALUES ('EUR'); \
               ALTER TABLE offer ADD FOREIGN KEY (price_id) REFERENCES price (id) NOT VALID; \
               INSERT INTO offer (price_id) VALUES (1)";
    let application = Application::new(sql, TenantType::Uuid).await?;
    let before = application.snapshot().await?;
    let conversion = application.conversion().except(["currency"]).tenant(FIRST);
    convert(&application, &conversion).await?;
    let owner = application.owner().await?;
    let kept = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'price_code_fkey'";
    assert_eq!(texts(&owner, kept).await?, ["FOREIGN KEY (code) REFERENCES currency(code)"]);
    undo(&application, &conversion).await?;
    application.snapshot().await?.assert_equals(&before);
    owner.execute_unprepared("ALTER TABLE offer VALIDATE CONSTRAINT offer_price_id_fkey").await?;
    Ok(())
}

/// Exclusion constraints compare the tenant, too, on servers that have the extension for it.
#[tokio::test]
async fn exclusion_constraints_exclude_rows_of_the_same_tenant_only() -> Result<()> {
    let available = "SELECT count(*)::text FROM pg_available_extensions WHERE name = 'btree_gist'";
    let empty = watertight_tests::TestDatabase::empty().await?;
    if texts(&empty.superuser().await?, available).await? == ["0"] {
        println!(
            "this server has no btree_gist: exclusion constraints are refused there, which another test checks"
        );
        return Ok(());
    }
    let sql = "CREATE TABLE stay (id serial PRIMARY KEY, room int, during int4range, \
                   CONSTRAINT stay_excl EXCLUDE USING gist (during WITH &&) WHERE (room IS NOT NULL)); \
               COMMENT ON CONSTRAINT stay_excl ON stay IS 'one guest'; \
               INSERT INTO stay (room, during) VALUES (1, '[1,5)')";
    let application = Application::new(sql, TenantType::BigInt).await?;
    application.database.superuser().await?.execute_unprepared("CREATE EXTENSION btree_gist").await?;
    let before = application.snapshot().await?;
    let conversion = application.conversion().tenant("1");
    convert(&application, &conversion).await?;
    let stay =
        |tenant: u8| format!("INSERT INTO stay (tenant_id, room, during) VALUES ({tenant}, 1, '[2,3)')");
    application.run_as("2", &stay(2)).await?;
    let error = application.run_as("1", &stay(1)).await.expect_err("overlaps");
    assert!(format!("{error:?}").contains("stay_excl"), "{error:?}");
    application.run_as("2", "DELETE FROM stay").await?;
    undo(&application, &conversion).await?;
    application.snapshot().await?.assert_equals(&before);
    Ok(())
}
