//! Each function of the server is either callable or excluded for a reason. A newer PostgreSQL's functions have to be
//! classified before this test passes on it.

use std::collections::BTreeMap;

use anyhow::Result;
use sea_orm::{DbBackend, FromQueryResult, Statement};
use watertight::{Reason, Rewriter, Watertight};
use watertight_tests::TestDatabase;

/// Functions that no statement may call: why, the beginnings of their names, and names.
struct Excluded {
    why: &'static str,
    prefixes: &'static [&'static str],
    names: &'static [&'static str],
}

#[rustfmt::skip]
const EXCLUDED: &[Excluded] = &[
    Excluded {
        why: "runs SQL text, or reads a table, cursor or type that a string names",
        prefixes: &["query_to_", "table_to_", "schema_to_", "database_to_", "cursor_to_"],
        names: &[
            "currtid2", "pg_input_error_info", "pg_input_is_valid", "satisfies_hash_partition", "ts_rewrite",
            "ts_stat",
        ],
    },
    Excluded {
        why: "changes settings or the state of the session, which its next user inherits",
        prefixes: &[],
        names: &["pg_stat_clear_snapshot", "pg_stat_force_next_flush", "set_config", "setseed"],
    },
    Excluded {
        why: "reads settings, configuration files or state of the session",
        prefixes: &["pg_show_", "pg_settings_"],
        names: &[
            "current_query", "pg_config", "pg_cursor", "pg_hba_file_rules", "pg_ident_file_mappings",
            "pg_is_other_temp_schema", "pg_listening_channels", "pg_my_temp_schema", "pg_prepared_statement",
            "pg_trigger_depth",
        ],
    },
    Excluded {
        why: "describes the connection or the server",
        prefixes: &["inet_client_", "inet_server_", "pg_control_", "pg_available_"],
        names: &[
            "pg_conf_load_time", "pg_get_catalog_foreign_keys", "pg_get_keywords", "pg_get_loaded_modules",
            "pg_get_wait_events", "pg_indexam_progress_phasename", "pg_is_in_recovery", "pg_jit_available",
            "pg_numa_available", "pg_postmaster_start_time", "pg_tablespace_databases", "pg_tablespace_location",
            "pg_timezone_abbrevs", "pg_timezone_abbrevs_abbrevs", "pg_timezone_abbrevs_zone", "pg_timezone_names",
        ],
    },
    Excluded {
        why: "reads the catalog",
        prefixes: &[
            "has_", "pg_get_", "to_reg", "pg_identify_", "pg_partition_", "pg_relation_", "pg_index_",
            "pg_indexam_", "pg_extension_",
        ],
        names: &[
            "amvalidate", "col_description", "format_type", "obj_description", "oidvectortypes", "pg_basetype",
            "pg_collation_actual_version", "pg_collation_is_visible", "pg_column_is_updatable",
            "pg_conversion_is_visible", "pg_database_collation_actual_version", "pg_describe_object",
            "pg_filenode_relation", "pg_function_is_visible", "pg_has_role", "pg_opclass_is_visible",
            "pg_operator_is_visible", "pg_opfamily_is_visible", "pg_sequence_parameters",
            "pg_statistics_obj_is_visible", "pg_table_is_visible", "pg_ts_config_is_visible",
            "pg_ts_dict_is_visible", "pg_ts_parser_is_visible", "pg_ts_template_is_visible", "pg_type_is_visible",
            "regclass", "row_security_active", "shobj_description", "ts_debug",
        ],
    },
    Excluded {
        why: "computes privileges, which are facts of the catalog",
        prefixes: &[],
        names: &[
            "aclcontains", "acldefault", "aclexplode", "aclinsert", "aclremove", "hash_aclitem",
            "hash_aclitem_extended", "makeaclitem",
        ],
    },
    Excluded {
        why: "reads or changes sequences, which all tenants share",
        prefixes: &[],
        names: &["currval", "lastval", "nextval", "pg_sequence_last_value", "setval"],
    },
    Excluded {
        why: "takes locks that all tenants share",
        prefixes: &["pg_advisory_", "pg_try_advisory_"],
        names: &[],
    },
    Excluded {
        why: "holds a connection that all tenants share",
        prefixes: &["pg_sleep"],
        names: &[],
    },
    Excluded {
        why: "sees or reaches other sessions, or notifications between them",
        prefixes: &[],
        names: &[
            "pg_backend_pid", "pg_blocking_pids", "pg_cancel_backend", "pg_isolation_test_session_is_blocked",
            "pg_lock_status", "pg_log_backend_memory_contexts", "pg_log_standby_snapshot",
            "pg_notification_queue_usage", "pg_notify", "pg_safe_snapshot_blocking_pids", "pg_terminate_backend",
        ],
    },
    Excluded {
        why: "shows transactions of all tenants",
        prefixes: &["txid_current", "pg_xact_"],
        names: &[
            "mxid_age", "pg_column_toast_chunk_id", "pg_current_snapshot", "pg_current_xact_id",
            "pg_current_xact_id_if_assigned", "pg_export_snapshot", "pg_last_committed_xact", "pg_prepared_xact",
            "txid_status",
        ],
    },
    Excluded {
        why: "reads or changes statistics, which are over the rows of all tenants",
        prefixes: &["pg_stat_get_", "pg_stat_reset", "pg_stat_have_", "pg_restore_", "pg_clear_"],
        names: &[
            "pg_database_size", "pg_indexes_size", "pg_mcv_list_items", "pg_table_size", "pg_tablespace_size",
            "pg_total_relation_size",
        ],
    },
    Excluded {
        why: "reads or writes files of the server",
        prefixes: &["pg_ls_", "pg_read_"],
        names: &[
            "pg_current_logfile", "pg_reload_conf", "pg_rotate_logfile", "pg_rotate_logfile_old", "pg_stat_file",
        ],
    },
    Excluded {
        why: "reads or writes large objects, which belong to no tenant",
        prefixes: &["lo_"],
        names: &["loread", "lowrite"],
    },
    Excluded {
        why: "controls indexes, collations or upgrades",
        prefixes: &["binary_upgrade_", "brin_desummarize_", "brin_summarize_"],
        names: &[
            "gin_clean_pending_list", "pg_import_system_collations", "pg_nextoid", "pg_stop_making_pinned_objects",
        ],
    },
    Excluded {
        why: "controls the write-ahead log, backup or replication",
        prefixes: &[
            "pg_wal_replay_", "pg_last_wal_", "pg_last_xact_", "pg_logical_", "pg_replication_", "pg_create_",
            "pg_copy_", "pg_current_wal_", "pg_backup_", "pg_wal_summary_", "pg_walfile_",
        ],
        names: &[
            "pg_drop_replication_slot", "pg_is_wal_replay_paused", "pg_promote", "pg_split_walfile_name",
            "pg_switch_wal", "pg_sync_replication_slots",
        ],
    },
    Excluded {
        why: "serves event triggers, validators, index methods or types",
        prefixes: &["pg_event_trigger_", "fmgr_"],
        names: &[
            "anyarray_send", "anycompatiblearray_send", "brin_bloom_summary_send",
            "brin_minmax_multi_summary_send", "btequalimage", "btvarstrequalimage", "gin_cmp_tslexeme",
            "gin_compare_jsonb", "gist_translate_cmptype_common", "pg_ddl_command_send", "pg_dependencies_send",
            "pg_mcv_list_send", "pg_ndistinct_send", "pg_node_tree_send", "pg_options_to_table",
            "plpgsql_validator", "postgresql_fdw_validator", "spg_poly_quad_compress", "unknownsend", "void_send",
        ],
    },
    Excluded {
        why: "is not implemented",
        prefixes: &[],
        names: &["xmlvalidate"],
    },
    Excluded {
        why: "is a part of an aggregate",
        prefixes: &[],
        names: &[
            "any_value_transfn", "booland_statefunc", "boolor_statefunc", "float4_accum", "float8_accum",
            "float8_avg", "float8_combine", "float8_corr", "float8_covar_pop", "float8_covar_samp",
            "float8_regr_accum", "float8_regr_avgx", "float8_regr_avgy", "float8_regr_combine",
            "float8_regr_intercept", "float8_regr_r2", "float8_regr_slope", "float8_regr_sxx", "float8_regr_sxy",
            "float8_regr_syy", "float8_stddev_pop", "float8_stddev_samp", "float8_var_pop", "float8_var_samp",
            "int2_avg_accum", "int2_avg_accum_inv", "int2_sum", "int2int4_sum", "int4_avg_accum",
            "int4_avg_accum_inv", "int4_avg_combine", "int4_sum", "int8_avg", "int8_sum", "int8inc_float8_float8",
            "interval_accum", "interval_accum_inv", "interval_avg", "interval_combine", "multirange_intersect_agg_transfn",
            "range_intersect_agg_transfn", "xmlconcat2",
        ],
    },
];

/// The types of arguments and results that only the server itself can handle.
const INTERNAL: &[&str] = &[
    "cstring",
    "cstring[]",
    "event_trigger",
    "fdw_handler",
    "index_am_handler",
    "internal",
    "language_handler",
    "table_am_handler",
    "trigger",
    "tsm_handler",
];

#[derive(Debug, FromQueryResult)]
struct Function {
    name: String,
    /// The types of the arguments and the result of every overload.
    types: Vec<String>,
}

async fn functions(database: &TestDatabase) -> Result<Vec<Function>> {
    let sql = "SELECT p.proname::text AS name, array_agg(DISTINCT format_type(t, NULL)) AS types \
               FROM pg_proc p, unnest(p.proargtypes::oid[] || p.prorettype) AS t \
               WHERE p.pronamespace = 'pg_catalog'::regnamespace GROUP BY 1 ORDER BY 1";
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    Ok(Function::find_by_statement(statement).all(&database.owner().await?).await?)
}

fn may_be_called(rewriter: &Rewriter, name: &str) -> bool {
    match rewriter.rewrite(&format!(r#"SELECT pg_catalog."{name}"()"#), 0) {
        Ok(_) => true,
        Err(refusal) => !matches!(refusal.reason, Reason::UnknownFunction(_)),
    }
}

fn reason(function: &Function) -> Option<&'static str> {
    if function.types.iter().any(|name| INTERNAL.contains(&name.as_str())) {
        return Some("takes or returns what only the server itself can handle");
    }
    let name = function.name.as_str();
    let excludes = |excluded: &&Excluded| {
        excluded.names.contains(&name) || excluded.prefixes.iter().any(|prefix| name.starts_with(prefix))
    };
    EXCLUDED.iter().find(excludes).map(|excluded| excluded.why)
}

#[tokio::test]
async fn each_function_of_the_server_is_classified() -> Result<()> {
    let functions = functions(&TestDatabase::create().await?).await?;
    let rewriter = Watertight::builder().rewriter()?;
    assert!(functions.len() > 2500, "{} functions are not all of PostgreSQL's", functions.len());
    let mut unclassified = Vec::new();
    let mut contradicting = BTreeMap::new();
    for function in &functions {
        match (may_be_called(&rewriter, &function.name), reason(function)) {
            (true, None) | (false, Some(_)) => {}
            (false, None) => unclassified.push(&function.name),
            (true, Some(why)) => drop(contradicting.insert(&function.name, why)),
        }
    }
    assert!(unclassified.is_empty(), "neither callable nor excluded with a reason: {unclassified:?}");
    assert!(contradicting.is_empty(), "callable and excluded: {contradicting:?}");
    Ok(())
}

#[tokio::test]
async fn callable_volatile_functions_are_the_clock_and_random_sources() -> Result<()> {
    let sql = "SELECT proname::text AS name, ARRAY[]::text[] AS types FROM pg_proc \
               WHERE pronamespace = 'pg_catalog'::regnamespace AND provolatile = 'v' GROUP BY 1 ORDER BY 1";
    let database = TestDatabase::create().await?;
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let volatile = Function::find_by_statement(statement).all(&database.owner().await?).await?;
    let rewriter = Watertight::builder().rewriter()?;
    let callable: Vec<_> = volatile
        .iter()
        .map(|function| function.name.as_str())
        .filter(|name| may_be_called(&rewriter, name))
        // The clock and random sources change with each call.
        .filter(|name| {
            ![
                "array_sample",
                "array_shuffle",
                "clock_timestamp",
                "gen_random_uuid",
                "random",
                "random_normal",
                "timeofday",
                "uuidv4",
                "uuidv7",
            ]
            .contains(name)
        })
        .collect();
    assert!(callable.is_empty(), "volatile, and not known to be a clock or a random source: {callable:?}");
    Ok(())
}
