//! A test that the SQL of released migrations does not change.

use sha2::{Digest, Sha256};

use crate::{Settings, TableSet, TableSets, list, migrations, tenant_context};

/// The SHA-256 of each migration's SQL, one statement a line with a semicolon between.
const DIGESTS: [(&str, &str); 31] = [
    ("m20260101_000001_create_auth", "7fbc78075ff761eff0652a7866e9ce4cbfe07f4310c17469db3cce42de951fcb"),
    ("m20260101_000002_create_content", "788754347d88ad13fee51e0345bdd4f569c01caa49920ebd393c044a3de5de2f"),
    ("m20260101_000003_create_booking", "fa00615470299f5a8b380123e075704be4314471339d1072fe94c69be7e8fdcb"),
    (
        "m20260101_000004_create_gift_certificates",
        "22e7f76998abd3061b4175ac0e4c65557c45246a99fcc0c875258fdbd389381a",
    ),
    ("m20260101_000005_create_intake", "90d7b4cb3ab0f7f1f3b04b5b257f10e1fdf0570030106f49cdd6df07d0015bd4"),
    (
        "m20260101_000006_create_business_history",
        "6583ace9ec44799dd99d3e78524296b1722c0e214bcf44f1994227926ae7d5d7",
    ),
    (
        "m20260101_000007_no_double_booking",
        "3cb74d0ac1df63efc061875546c6dc2368e52d8cfe8479e46fc3dcf68501e6e8",
    ),
    ("m20260101_000008_tenant_parameter", "3175121e292cfae7ead9064adad8c11d08030b6de47924cb643a1e10e85bd15c"),
    ("m20260101_000009_signed_tenant", "a6496a233606acebf61e31d5c94f18c73f47c7d6637816b0c6081fbaa8c75477"),
    ("m20260101_000010_audit_integrity", "b368103e6417440a42c2752b2d1925d18da43f9736839dbd8a6f03c8988475f4"),
    ("m20260101_000011_inviter_role", "eac7f988a42f54720f2502767352313e2c0477bfeeafa256925b6238453494a6"),
    (
        "m20260101_000012_nights_and_buffers",
        "dd2ddf9f67da5fec51ab787daf200b164c3680fdc4a911cc391acb7c3529cf34",
    ),
    ("m20260101_000013_occupied_spans", "fc439b8d33b788d269f5fc5e24b2999e34036ace1a635bc28a0400677d3b2ebf"),
    ("m20260101_000014_booking_payments", "f5a283e7eb19e1d88ac2737c93d9e61c151bcc07d4459a088dc9b4faf9cf1616"),
    ("m20260101_000014_history_currency", "b885e84ea71efcc178147a0bf65f9b9c890949e32f31508ad637fd5e407960b0"),
    ("m20260101_000014_purchase_items", "96ea982683cc6dd7123ce9cfbe488059487201b0fe6608a4522fe5c64335d5d8"),
    ("m20260101_000015_ended_sessions", "63f371c773c904bbd0240ac974ab19e85a18b0bb40b10688fdbfe30f1e9da6f0"),
    ("m20260101_000015_final_auth", "5b9c88c205acaf8e28d85b1bd68b8bedaf577b6b7cacafd1013c30813bfea995"),
    (
        "m20260101_000015_final_certificates",
        "bf84af9ecf7f1e7d0b6dc295f5f29e7e795de129b5453c29a753b4e897e02dde",
    ),
    ("m20260101_000015_final_history", "ddc802b2073ea0903c64933c8a65e2653f87281ef0eb7d784dfeeccb7a3b9254"),
    ("m20260101_000015_final_intake", "5b521dbed10dd3e95b41c0c9968f769818e6c777eff0aec52e7261f9231137c6"),
    ("m20260101_000015_readable_auth", "98ee768edfea28dcc3419944b4ee2ae9f5fb8fa98b6b3a9eaff7f2bef09280c6"),
    ("m20260101_000015_readable_booking", "d7c52eb0effa7aa7227dfbbee1e8d37736bd71093939be3a3fa29ed359c3a1fd"),
    (
        "m20260101_000015_readable_certificates",
        "13d7bce238693030e88fcb867d22c7f39b712da1a073fcd79f8e4acd0d9a4f25",
    ),
    ("m20260101_000015_readable_content", "5b73eb29f4b16d004f387364738179b9e441d83595c9d5cc6e362a4d20b2eaa9"),
    ("m20260101_000015_readable_history", "365013ce203f4a75fafbf4dd4d43dd9e865f0e48487dd7236745aa13b0cd6261"),
    ("m20260101_000015_readable_intake", "82dd4e51903537fcf5bb9ac51911e1f7d58fca8954e5627fc4d5f802e0fe8d97"),
    ("m20260101_000016_booking_contacts", "dc80f10a658b2d106adb42b5bf8a4b8c9ec5611a6d5c66bee001cb99ae148ec1"),
    (
        "m20260101_000017_owner_without_tenant",
        "94882acd718810a233f904ed17f684c91013c60fbc031607eb2a2145cd57f8e7",
    ),
    ("m20260101_000018_numbers", "c353ddb0222dfaf179289b0b6089d71319e07f09d779985065a0e7c249b67c8a"),
    (
        "m20260101_000019_cross_tenant_access",
        "354d3cf1d6fd4b4f15a2eb89a1b5ee09ce39c093d419f1dd47fbbd33ff38365f",
    ),
];

const REVERTED_SIGNED_TENANT: &str = "bbd8d66227cb87c4a97ebfe28e00ab1938bebc070b609d75d09adfd53e38df69";

fn digest(statements: &[String]) -> String {
    hex::encode(Sha256::digest(statements.join(";\n")))
}

#[test]
fn released_migrations_keep_their_sql_with_the_default_settings() {
    let settings = Settings::default();
    assert_eq!(list().len(), DIGESTS.len());
    for (migration, (name, expected)) in list().iter().zip(DIGESTS) {
        // With or without a tenant key in the environment.
        let statements = match migration.name() {
            "m20260101_000009_signed_tenant" => tenant_context::statements(&settings),
            _ => migration.statements(&settings).unwrap().unwrap(),
        };
        assert_eq!((migration.name(), digest(&statements).as_str()), (name, expected));
    }
    assert_eq!(digest(&tenant_context::reverted(&settings, true)), REVERTED_SIGNED_TENANT);
}

#[test]
fn each_table_set_lists_its_migrations_and_tables_in_order() {
    let core = watertight_schema::isolation::CORE_MIGRATIONS;
    for set in TableSet::ALL {
        let settings = Settings::default().with_table_sets(TableSets::none().with(set));
        let chosen: Vec<TableSet> = settings.table_sets().iter().collect();
        let expected = list().into_iter().map(|migration| migration.name().to_owned());
        let expected: Vec<String> = expected
            .filter(|name| {
                core.contains(&name.as_str())
                    || chosen.iter().any(|set| set.migrations().contains(&name.as_str()))
            })
            .collect();
        let named: Vec<String> =
            migrations(&settings).iter().map(|migration| migration.name().to_owned()).collect();
        assert_eq!(named, expected, "{set}");
        let tables: Vec<String> = list()
            .iter()
            .filter(|migration| TableSet::of_migration(migration.name()) == Some(set))
            .flat_map(|migration| migration.tables(settings.table_sets()))
            .map(|table| table.name().to_owned())
            .collect();
        assert_eq!(tables, set.tables(), "{set}");
    }
    let named = TableSet::ALL.iter().map(|set| set.migrations().len()).sum::<usize>() + core.len();
    assert_eq!(named, list().len(), "every migration but the core's belongs to a set");
}

#[test]
fn statements_of_other_schemas_name_no_default_schema() {
    let sets =
        TableSet::ALL.iter().fold(TableSets::all(), |sets, set| sets.in_schema(*set, "it's \"odd\" $$"));
    let settings = Settings::default().with_table_sets(sets);
    for migration in list() {
        for sql in migration.statements(&settings).unwrap().unwrap() {
            let plain = sql.replace("pg_catalog.", "").replace("watertight.", "");
            assert!(!plain.contains("public") && !plain.contains("auth."), "{sql}");
        }
    }
}
