//! The names of the settings that a transaction can change, and the reasons against others.

/// The settings that a transaction can change, sorted.
///
/// Those with a dot belong to the extensions `pg_trgm` and `vector`.
#[rustfmt::skip]
pub(crate) const SETTABLE: &[&str] = &[
    "application_name", "bytea_output", "constraint_exclusion", "cpu_index_tuple_cost", "cpu_operator_cost",
    "cpu_tuple_cost", "cursor_tuple_fraction", "datestyle", "default_text_search_config", "effective_cache_size",
    "effective_io_concurrency", "enable_async_append", "enable_bitmapscan", "enable_distinct_reordering",
    "enable_gathermerge", "enable_group_by_reordering", "enable_hashagg", "enable_hashjoin",
    "enable_incremental_sort", "enable_indexonlyscan", "enable_indexscan", "enable_material", "enable_memoize",
    "enable_mergejoin", "enable_nestloop", "enable_parallel_append", "enable_parallel_hash",
    "enable_partition_pruning", "enable_partitionwise_aggregate", "enable_partitionwise_join",
    "enable_presorted_aggregate", "enable_self_join_elimination", "enable_seqscan", "enable_sort",
    "enable_tidscan", "extra_float_digits", "from_collapse_limit", "geqo", "geqo_threshold", "hash_mem_multiplier",
    "hnsw.ef_search", "hnsw.iterative_scan", "hnsw.max_scan_tuples", "hnsw.scan_mem_multiplier",
    "idle_in_transaction_session_timeout", "intervalstyle", "ivfflat.iterative_scan", "ivfflat.max_probes",
    "ivfflat.probes", "jit", "jit_above_cost", "jit_inline_above_cost", "jit_optimize_above_cost",
    "join_collapse_limit", "lock_timeout", "max_parallel_workers", "max_parallel_workers_per_gather",
    "min_parallel_index_scan_size", "min_parallel_table_scan_size", "parallel_leader_participation",
    "parallel_setup_cost", "parallel_tuple_cost", "pg_trgm.similarity_threshold",
    "pg_trgm.strict_word_similarity_threshold", "pg_trgm.word_similarity_threshold", "plan_cache_mode",
    "random_page_cost", "recursive_worktable_factor", "seq_page_cost", "statement_timeout", "synchronous_commit",
    "timezone", "transaction_timeout", "work_mem",
];

/// The settings that a statement can show beside those that it can change, sorted. They are the same for all tenants.
#[rustfmt::skip]
pub(super) const READABLE: &[&str] = &[
    "client_encoding", "default_transaction_isolation", "default_transaction_read_only", "in_hot_standby",
    "integer_datetimes", "max_identifier_length", "search_path", "server_encoding", "server_version",
    "server_version_num", "standard_conforming_strings", "transaction_isolation", "transaction_read_only",
];

/// The reason why a setting cannot be changed, and the remedy.
pub(super) fn because(name: &str) -> &'static str {
    match name {
        "role"
        | "session_authorization"
        | "row_security"
        | "search_path"
        | "session_replication_role"
        | "is_superuser" => {
            "it decides which rows and tables statements reach, and it is the same for all tenants; set it for the \
             application's role (ALTER ROLE .. SET), or connect as another role"
        }
        "transaction_mode"
        | "transaction_isolation"
        | "transaction_read_only"
        | "transaction_deferrable"
        | "default_transaction_isolation"
        | "default_transaction_read_only"
        | "default_transaction_deferrable" => {
            "it belongs to the begin of a transaction; pass the isolation level and the access mode to \
             `TenantConnection::begin_with_settings`"
        }
        "standard_conforming_strings"
        | "backslash_quote"
        | "escape_string_warning"
        | "transform_null_equals"
        | "quote_all_identifiers"
        | "client_encoding"
        | "array_nulls"
        | "xmloption" => {
            "it changes how the server reads a statement, so a statement could mean something else than was \
             checked; write the statement for the default of the setting"
        }
        _ if name.starts_with("watertight.")
            || name == watertight_schema::isolation::UNSIGNED_TENANT_SETTING =>
        {
            "it names the tenant of the transaction, which only the connection sets; use the connection of the \
             tenant, `Watertight::tenant`"
        }
        _ => {
            "only settings of time limits, memory, the planner and the format of values can be changed; set it for \
             the application's role (ALTER ROLE .. SET)"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted() {
        assert!(SETTABLE.is_sorted() && READABLE.is_sorted());
    }
}
