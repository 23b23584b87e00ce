//! The functions of PostgreSQL itself that a statement may call.
//!
//! Listed is what computes from its arguments, the clock or a random source alone. What is not listed is refused
//! until the application declares it, so these stay out:
//!
//! - what runs SQL text or reads a table named by a string: `query_to_xml` and kin, `ts_stat`, `ts_rewrite` (its
//!   two-argument form), `dblink`, `lo_*`, `pg_read_file`;
//! - what changes or moves what the isolation rests on: `set_config`;
//! - what is shared by all tenants: sequences, advisory locks, backends, statistics, notifications.

/// Sorted, for the binary search.
const PURE: &[&str] = &[
    "abs", "acos", "acosd", "acosh", "age", "any_value", "area", "array_agg", "array_append", "array_cat",
    "array_dims", "array_fill", "array_length", "array_lower", "array_ndims", "array_position",
    "array_positions", "array_prepend", "array_remove", "array_replace", "array_sample", "array_shuffle",
    "array_to_json", "array_to_string", "array_to_tsvector", "array_upper", "ascii", "asin", "asind",
    "asinh", "atan", "atan2", "atan2d", "atand", "atanh", "avg", "bit_and", "bit_count", "bit_length",
    "bit_or", "bit_xor", "bool_and", "bool_or", "bound_box", "box", "btrim", "cardinality", "cbrt", "ceil",
    "ceiling", "center", "char_length", "character_length", "chr", "circle", "clock_timestamp", "coalesce",
    "concat", "concat_ws", "convert", "convert_from", "convert_to", "corr", "cos", "cosd", "cosh", "cot",
    "cotd", "count", "covar_pop", "covar_samp", "cume_dist", "current_catalog", "current_database",
    "current_date", "current_role", "current_schema", "current_setting", "current_time",
    "current_timestamp", "current_user", "date", "date_add", "date_bin", "date_part", "date_subtract",
    "date_trunc", "datemultirange", "daterange", "decode", "degrees", "dense_rank", "diameter", "div",
    "encode", "erf", "erfc", "every", "exp", "extract", "factorial", "family", "first_value", "float4",
    "float8", "floor", "format", "gcd", "gen_random_uuid", "generate_series", "generate_subscripts",
    "get_bit", "get_byte", "get_current_ts_config", "greatest", "grouping", "height", "host", "hostmask",
    "inet_merge", "inet_same_family", "initcap", "int2", "int4", "int4multirange", "int4range", "int8",
    "int8multirange", "int8range", "isempty", "isfinite", "json", "json_agg", "json_agg_strict",
    "json_array", "json_array_elements", "json_array_elements_text", "json_array_length", "json_arrayagg",
    "json_build_array", "json_build_object", "json_each", "json_each_text", "json_exists",
    "json_extract_path", "json_extract_path_text", "json_object", "json_object_agg",
    "json_object_agg_strict", "json_object_agg_unique", "json_object_keys", "json_objectagg",
    "json_populate_record", "json_populate_recordset", "json_query", "json_scalar", "json_serialize",
    "json_strip_nulls", "json_to_record", "json_to_recordset", "json_to_tsvector", "json_typeof",
    "json_value", "jsonb_agg", "jsonb_agg_strict", "jsonb_array_elements", "jsonb_array_elements_text",
    "jsonb_array_length", "jsonb_build_array", "jsonb_build_object", "jsonb_concat", "jsonb_contained",
    "jsonb_contains", "jsonb_delete", "jsonb_each", "jsonb_each_text", "jsonb_exists", "jsonb_exists_all",
    "jsonb_exists_any", "jsonb_extract_path", "jsonb_extract_path_text", "jsonb_insert", "jsonb_object",
    "jsonb_object_agg", "jsonb_object_agg_strict", "jsonb_object_agg_unique", "jsonb_object_keys",
    "jsonb_path_exists", "jsonb_path_exists_tz", "jsonb_path_match", "jsonb_path_match_tz",
    "jsonb_path_query", "jsonb_path_query_array", "jsonb_path_query_array_tz", "jsonb_path_query_first",
    "jsonb_path_query_first_tz", "jsonb_path_query_tz", "jsonb_populate_record", "jsonb_populate_recordset",
    "jsonb_pretty", "jsonb_set", "jsonb_set_lax", "jsonb_strip_nulls", "jsonb_to_record",
    "jsonb_to_recordset", "jsonb_to_tsvector", "jsonb_typeof", "justify_days", "justify_hours",
    "justify_interval", "lag", "last_value", "lcm", "lead", "least", "left", "length", "line", "ln",
    "localtime", "localtimestamp", "log", "log10", "lower", "lower_inc", "lower_inf", "lpad", "lseg",
    "ltrim", "macaddr8_set7bit", "make_date", "make_interval", "make_time", "make_timestamp",
    "make_timestamptz", "masklen", "max", "md5", "min", "min_scale", "mod", "mode", "netmask", "network",
    "normalize", "now", "npoints", "nth_value", "ntile", "nullif", "num_nonnulls", "num_nulls", "numeric",
    "nummultirange", "numnode", "numrange", "octet_length", "overlay", "parse_ident", "path", "pclose",
    "percent_rank", "percentile_cont", "percentile_disc", "pg_column_size", "pg_typeof", "phraseto_tsquery",
    "pi", "plainto_tsquery", "point", "polygon", "popen", "position", "power", "querytree", "quote_ident",
    "quote_literal", "quote_nullable", "radians", "radius", "random", "random_normal", "range_agg",
    "range_intersect_agg", "range_merge", "rank", "regexp_count", "regexp_instr", "regexp_like",
    "regexp_match", "regexp_matches", "regexp_replace", "regexp_split_to_array", "regexp_split_to_table",
    "regexp_substr", "regr_avgx", "regr_avgy", "regr_count", "regr_intercept", "regr_r2", "regr_slope",
    "regr_sxx", "regr_sxy", "regr_syy", "repeat", "replace", "reverse", "right", "round", "row",
    "row_number", "row_to_json", "rpad", "rtrim", "scale", "session_user", "set_bit", "set_byte",
    "set_masklen", "setweight", "sha224", "sha256", "sha384", "sha512", "sign", "sin", "sind", "sinh",
    "slope", "split_part", "sqrt", "starts_with", "statement_timestamp", "stddev", "stddev_pop",
    "stddev_samp", "string_agg", "string_to_array", "string_to_table", "strip", "strpos", "substr",
    "substring", "sum", "tan", "tand", "tanh", "text", "timeofday", "timezone", "to_ascii", "to_bin",
    "to_char", "to_date", "to_hex", "to_json", "to_jsonb", "to_number", "to_oct", "to_timestamp",
    "to_tsquery", "to_tsvector", "transaction_timestamp", "translate", "trim", "trim_array", "trim_scale",
    "trunc", "ts_delete", "ts_filter", "ts_headline", "ts_rank", "ts_rank_cd", "tsmultirange",
    "tsquery_phrase", "tsrange", "tstzmultirange", "tstzrange", "tsvector_to_array", "unicode_assigned",
    "unistr", "unnest", "upper", "upper_inc", "upper_inf", "user", "uuid_extract_timestamp",
    "uuid_extract_version", "uuidv4", "uuidv7", "var_pop", "var_samp", "variance", "websearch_to_tsquery",
    "width", "width_bucket",
];

/// Whether PostgreSQL's own function of this name, in lower case, keeps to its arguments.
pub(super) fn is_pure(name: &str) -> bool {
    PURE.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_free_of_repetition() {
        assert!(PURE.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn what_reaches_beyond_its_arguments_is_not_listed() {
        for name in ["set_config", "query_to_xml", "ts_stat", "ts_rewrite", "nextval", "pg_advisory_lock", "dblink"] {
            assert!(!is_pure(name), "{name}");
        }
    }
}
