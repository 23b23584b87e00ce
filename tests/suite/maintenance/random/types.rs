//! Types of columns, with values whose text or JSON forms are easily changed on the way.

/// A type and expressions for its values.
pub(super) struct Type {
    pub(super) name: &'static str,
    pub(super) values: &'static [&'static str],
}

/// The types that a schema creates for itself.
pub(super) const CREATE: &str = r#"
CREATE SCHEMA elsewhere;
CREATE TYPE elsewhere."text" AS ENUM ('a', 'it''s', '"', '{}', ',', ' ');
CREATE TYPE odd.pair AS (x int[], "y z" text, "t" numeric);
CREATE TYPE odd.nested AS (one odd.pair, many odd.pair[]);
CREATE DOMAIN odd.short AS text CHECK (length(VALUE) < 9) NOT NULL;
CREATE DOMAIN odd.shorter AS odd.short CHECK (VALUE <> 'no');
CREATE DOMAIN odd.document AS json;
CREATE DOMAIN odd.list AS int[] CHECK (array_length(VALUE, 1) < 9);
CREATE DOMAIN odd.whole AS odd.pair CHECK ((VALUE)."t" IS DISTINCT FROM 1);
CREATE TYPE odd.floats AS RANGE (subtype = float8);
CREATE TYPE elsewhere.int4 AS ENUM ('1', '2');
CREATE TABLE elsewhere."Some table" ();
CREATE FUNCTION odd.as_text(odd.pair) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'a pair' $$;
CREATE CAST (odd.pair AS text) WITH FUNCTION odd.as_text(odd.pair);
CREATE FUNCTION odd.of_text(text) RETURNS odd.pair LANGUAGE sql IMMUTABLE AS $$ SELECT NULL::odd.pair $$;
CREATE CAST (text AS odd.pair) WITH FUNCTION odd.of_text(text) AS ASSIGNMENT;
"#;

macro_rules! types {
    ($($name:literal: $($value:expr),+;)+) => {
        &[$(Type { name: $name, values: &[$($value),+] }),+]
    };
}

pub(super) const TYPES: &[Type] = types! {
    "smallint": "-32768", "32767";
    "integer": "-2147483648", "0";
    "bigint": "9223372036854775807", "-9223372036854775808", "9007199254740993";
    "numeric": "'NaN'", "'Infinity'", "1.10", "1e-200", "12345678901234567890123456789012345678901234567890.5", "0.000";
    "numeric(12,3)": "1", "-999999999.999", "'NaN'";
    "real": "'-0'", "'NaN'", "0.1", "1e-45", "3.4028235e38", "16777217";
    "double precision": "'-0'", "'NaN'", "'-Infinity'", "0.1::float8 + 0.2", "5e-324", "1.7976931348623157e308", "1e23";
    "money": "'-1234567.89'", "0";
    "text": "''", "' '", r"E'\\N'", r"E'\\.'", r"E'a\nb\r\tc\x01\x7f'", "'NULL'", "'null'", "'漢字 🦀 \u{2028}'", r#"'"{},\'"#, "repeat('x', 9000)";
    "varchar(20)": "'abc  '", "''";
    "char(5)": "'a'", "''", "'abcde'";
    "bpchar": "'a  '", "' '";
    r#"pg_catalog."char""#: "'a'", "''", "'\"'";
    "name": "'a b'", "repeat('n', 63)";
    "bytea": r"'\x'", r"'\x00ff5c27'", r"decode(repeat('00', 999), 'hex')";
    "boolean": "true", "false";
    "date": "'infinity'", "'-infinity'", "'4713-01-01 BC'", "'5874897-12-31'", "'2000-02-29'";
    "time": "'24:00'", "'00:00:00.000001'";
    "timetz": "'24:00+15:59'", "'12:00:00.5-00:00:01'";
    "timestamp": "'infinity'", "'294276-12-31 23:59:59.999999'", "'4713-01-01 BC'";
    "timestamptz": "'-infinity'", "'0044-03-15 BC'", "'294276-12-31 23:59:59.999999Z'", "'2026-11-01 01:30-04'";
    "interval": "'-1 year 2 mons -3 days 04:05:06.000007'", "'178000000 years'", "'-0.000001 s'", "'0'", "'1 mon -30 days'";
    "interval(0)": "'1 s'";
    "uuid": "'00000000-0000-0000-0000-000000000000'", "gen_random_uuid()";
    "inet": "'10.0.0.1'", "'::1/64'", "'10.0.0.1/8'";
    "cidr": "'10.0.0.0/8'";
    "macaddr8": "'08:00:2b:01:02:03:04:05'";
    "bit(3)": "B'101'";
    "bit varying": "B''", "B'0001'";
    "json": r#"'{"b" : 1,  "a":2, "b":3}'"#, r#"E'[ "\\u0000", "\\ud800",\n 1e400 ]'"#, "'null'", r#"'"text"'"#, "' 1 '", "(repeat('[', 400) || repeat(']', 400))::json";
    "jsonb": "'null'", r#"'"text"'"#, r#"'{"": {"a": [1, 1.0, 1e3, 12345678901234567890.123456789, null, true]}}'"#, "'[]'", "(repeat('[', 400) || repeat(']', 400))::jsonb";
    "jsonpath": r"'$.a[*] ? (@ > 1)'";
    "tsvector": "'a:1A b:2,3'::tsvector", "'''it''''s'' ''a b'''::tsvector", "''";
    "tsquery": "'a & (b | !c:*A)'::tsquery";
    "point": "'(0.1,-0)'", "'(NaN,Infinity)'";
    "box": "'(1,2),(3,4)'";
    "path": "'[(0,0),(1,1)]'", "'((0,0),(1,1))'";
    "circle": "'<(0,0),0.1>'";
    "int4range": "'empty'", "'[1,5)'", "'(,)'";
    "tstzrange": "'[-infinity,2000-01-01 00:00Z]'", "'(,2000-01-01 BC)'";
    "int8multirange": "'{}'", "'{[1,2),[5,)}'";
    "odd.floats": "'[0.1,NaN]'";
    "integer[]": "'{}'", "'[-2:0]={1,NULL,3}'", "'[0:1][5:5]={{1},{2}}'", "ARRAY[[1,2],[3,4]]";
    "text[]": r#"ARRAY['NULL', NULL, '', 'a,b', '"', '{}', E'\\', ' ', E'\n']"#, "'[5:5]={x}'", "'{}'";
    "json[]": r#"ARRAY['{"b" : 1,  "b":2}'::json, 'null', NULL]"#;
    "double precision[]": "'{-0,NaN,0.1,-Infinity}'";
    "timestamptz[]": "'{infinity,\"0044-03-15 BC\"}'";
    "bytea[]": r"ARRAY['\x00'::bytea, '\x5c22']";
    r#"elsewhere."text""#: "'it''s'", "'\"'", "' '";
    r#"elsewhere."text"[]"#: r#"ARRAY['it''s', '"', '{}', ',', NULL]::elsewhere."text"[]"#;
    "elsewhere.int4": "'1'", "'2'";
    "odd.pair": "ROW(NULL, NULL, NULL)::odd.pair", "ROW('[0:0]={1}', E'a\\\\\"b,()', 1.10)::odd.pair", "ROW('{}', '', 'NaN')::odd.pair";
    "odd.pair[]": "ARRAY[ROW('{}', '', 1.0)::odd.pair, NULL, ROW(NULL, NULL, NULL)::odd.pair]";
    "odd.nested": "ROW(ROW('{1}', 'x', -0.0)::odd.pair, ARRAY[ROW('{1,NULL}', '\"', 2)::odd.pair])::odd.nested";
    "odd.short": "'a b'", "''";
    "odd.shorter": "'x'", "' '";
    "odd.document": r#"'{"b" : 1,  "b":2}'"#, "'null'", r#"'"x"'"#;
    "odd.list": "'[3:4]={1,2}'", "'{}'";
    "odd.whole": "ROW('{}', 'x', 1.50)::odd.pair";
    "regclass": r#"'elsewhere."Some table"'::regclass"#, "'pg_catalog.pg_class'::regclass";
    "regtype": "'elsewhere.int4'::regtype", "'int4'::regtype";
    "regtype[]": "ARRAY['elsewhere.int4'::regtype, 'text'::regtype]";
    "oid": "4294967295";
    "xid8": "'18446744073709551615'";
    "pg_lsn": "'FFFFFFFF/FFFFFFFF'";
    "txid_snapshot": "'10:20:10,14,15'";
    "aclitem": "(current_user || '=r/' || current_user)::aclitem";
    "aclitem[]": "ARRAY[(current_user || '=r/' || current_user)::aclitem, NULL]";
    "int2vector": "'1 2 3'";
};
