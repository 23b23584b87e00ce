use sea_orm_migration::{
    prelude::*,
    schema::*,
    sea_query::IndexOrder::{Asc, Desc},
};

use super::{TenantForeignKey, TenantTable};
use crate::{Settings, TableError};

fn notes() -> TenantTable {
    TenantTable::new("public", "notes").col(uuid("author_id")).col(text("body"))
}

fn author() -> TenantForeignKey {
    TenantForeignKey::column("author_id").to("auth", "users")
}

fn sql(table: &TenantTable) -> Vec<String> {
    table.statements(&Settings::default()).unwrap()
}

fn refusal(table: &TenantTable) -> TableError {
    table.statements(&Settings::default()).unwrap_err()
}

#[test]
fn a_table_is_made_with_its_key_policy_and_grants() {
    assert_eq!(
        sql(&notes().unique(["body"]).foreign_key(author().on_delete(ForeignKeyAction::Cascade))),
        [
            r#"CREATE TABLE "public"."notes" ( "tenant_id" uuid NOT NULL, "id" uuid NOT NULL DEFAULT (GEN_RANDOM_UUID()), "author_id" uuid NOT NULL, "body" text NOT NULL, CONSTRAINT "notes_pkey" PRIMARY KEY ("tenant_id", "id"), CONSTRAINT "notes_tenant_id_check" CHECK ("tenant_id" <> '00000000-0000-0000-0000-000000000000') )"#,
            r#"ALTER TABLE "public"."notes" ADD CONSTRAINT "notes_body_key" UNIQUE ("tenant_id", "body")"#,
            r#"ALTER TABLE "public"."notes" ADD CONSTRAINT "notes_author_id_fkey" FOREIGN KEY ("tenant_id", "author_id") REFERENCES "auth"."users" ("tenant_id", "id") ON DELETE CASCADE"#,
            r#"CREATE INDEX "notes_author_id_idx" ON "public"."notes" ("tenant_id", "author_id" ASC)"#,
            r#"ALTER TABLE "public"."notes" ENABLE ROW LEVEL SECURITY"#,
            r#"ALTER TABLE "public"."notes" FORCE ROW LEVEL SECURITY"#,
            r#"DO 'BEGIN IF pg_catalog.to_regprocedure(''watertight.tenant()'') IS NULL THEN CREATE POLICY "tenant_isolation" ON "public"."notes" FOR ALL USING (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid) WITH CHECK (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid); ELSE CREATE POLICY "tenant_isolation" ON "public"."notes" FOR ALL USING (tenant_id = (SELECT watertight.tenant())) WITH CHECK (tenant_id = (SELECT watertight.tenant())); END IF; END'"#,
            r#"REVOKE ALL ON TABLE "public"."notes" FROM PUBLIC, "watertight_app""#,
            r#"GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "public"."notes" TO "watertight_app""#,
        ]
    );
}

#[test]
fn a_foreign_key_gets_no_index_that_a_key_or_an_index_makes_needless() {
    let indexes = |table: TenantTable| {
        sql(&table.foreign_key(author())).into_iter().filter(|sql| sql.contains("INDEX")).count()
    };
    assert_eq!(indexes(notes()), 1);
    assert_eq!(indexes(notes().key(["author_id"])), 0);
    assert_eq!(indexes(notes().unique(["author_id", "body"])), 0);
    assert_eq!(indexes(notes().unique(["body", "author_id"])), 1);
    assert_eq!(indexes(notes().index([("author_id", Asc), ("id", Desc)])), 1);
}

#[test]
fn clearing_a_reference_leaves_the_tenant() {
    let table = notes().foreign_key(author().on_delete(ForeignKeyAction::SetNull));
    assert!(sql(&table)[1].ends_with(r#"ON DELETE SET NULL ("author_id")"#));
}

#[test]
fn a_role_cannot_end_its_quotes() {
    let settings = Settings::default().with_app_role(r#"x"; DROP TABLE users; --"#);
    let statements = notes().statements(&settings).unwrap();
    assert!(statements.last().unwrap().ends_with(r#"TO "x""; DROP TABLE users; --""#));
}

#[test]
fn keys_and_indexes_need_columns_that_are_there() {
    let no_columns: [&str; 0] = [];
    assert!(matches!(refusal(&notes().unique(no_columns)), TableError::NoColumns { .. }));
    assert!(matches!(refusal(&notes().key(no_columns)), TableError::NoColumns { .. }));
    assert!(matches!(refusal(&notes().index([("x", Asc)])), TableError::UnknownColumn { .. }));
    assert!(matches!(refusal(&notes().unique(["body", "body"])), TableError::DuplicateColumn { .. }));
    let two = TenantForeignKey::columns(["author_id", "body"]).to("auth", "users");
    assert!(matches!(refusal(&notes().foreign_key(two)), TableError::ForeignKeyWidth { .. }));
    let nowhere = TenantForeignKey::column("author_id");
    assert!(matches!(refusal(&notes().foreign_key(nowhere)), TableError::Name { what: "schema", .. }));
}

#[test]
fn the_tenant_is_never_spelled_out() {
    assert!(matches!(refusal(&notes().col(uuid("tenant_id"))), TableError::TenantColumn { .. }));
    assert!(matches!(refusal(&notes().unique(["tenant_id", "body"])), TableError::TenantColumn { .. }));
}

#[test]
fn a_key_across_tenants_is_refused() {
    assert!(matches!(refusal(&notes().col(string_uniq("slug"))), TableError::KeyWithoutTenant { .. }));
    assert!(matches!(refusal(&notes().col(pk_uuid("number"))), TableError::KeyWithoutTenant { .. }));
}

#[test]
fn columns_and_names_are_told_apart() {
    assert!(matches!(refusal(&notes().col(text("body"))), TableError::DuplicateColumn { .. }));
    assert!(matches!(refusal(&notes().col(uuid("id"))), TableError::DuplicateColumn { .. }));
    assert!(sql(&notes().col(big_integer("id")).key(["id"]))[0].contains(r#""id" bigint NOT NULL"#));
    let twice = notes().lower_case("body").lower_case("body");
    assert!(matches!(refusal(&twice), TableError::DuplicateName { .. }));
}

#[test]
fn names_that_postgresql_would_cut_are_refused() {
    let long = TenantTable::new("public", "a_table_name_of_forty_bytes_which_is_fine")
        .col(text("and_a_column_name_that_is_fine_too"))
        .unique(["and_a_column_name_that_is_fine_too"]);
    let error = refusal(&long);
    assert!(matches!(error, TableError::Name { what: "constraint or index", .. }), "{error}");
    assert!(matches!(refusal(&TenantTable::new("", "notes")), TableError::Name { what: "schema", .. }));
    assert!(matches!(refusal(&TenantTable::new("public", "")), TableError::Name { what: "table", .. }));
}

#[test]
fn every_table_of_the_migrations_is_described_without_mistakes() {
    let settings = Settings::default();
    for table in crate::tables(&settings) {
        let statements = table.statements(&settings);
        assert!(statements.is_ok(), "{}: {statements:?}", table.name());
    }
}
