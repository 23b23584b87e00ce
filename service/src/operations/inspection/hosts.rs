//! Checks of a database URL and of its host.

use std::net::IpAddr;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::operations::ConnectError;

/// Rejects a malformed PostgreSQL URL. The error does not contain the URL, because it may contain a password.
pub(crate) fn check_url(url: &str) -> Result<(), ConnectError> {
    if url.trim().is_empty() {
        return Err(ConnectError::EmptyUrl);
    }
    let malformed = |reason: String| ConnectError::MalformedUrl { reason };
    let parsed = url::Url::parse(url).map_err(|error| malformed(error.to_string()))?;
    if !matches!(parsed.scheme(), "postgres" | "postgresql") {
        return Err(malformed(format!("its scheme is {:?}, not \"postgres\"", parsed.scheme())));
    }
    url.parse::<PgConnectOptions>().map_err(|error| malformed(error.to_string()))?;
    Ok(())
}

/// Whether the host is a known transaction pooler.
///
/// Neon's poolers have a first label that ends with `-pooler`. Supabase's pooler listens on port 6543.
pub(crate) fn is_pooler(options: &PgConnectOptions) -> bool {
    let host = options.get_host().trim_end_matches('.').to_ascii_lowercase();
    let first = host.split('.').next().unwrap_or_default();
    let is_neon = host.ends_with(".neon.tech") && first.ends_with("-pooler");
    let is_supabase = host.ends_with(".supabase.com") || host.ends_with(".supabase.co");
    is_neon || (is_supabase && options.get_port() == 6543)
}

/// Whether data may be sent unencrypted to another machine.
pub(crate) fn may_go_in_the_clear(options: &PgConnectOptions) -> bool {
    let mode = options.get_ssl_mode();
    !is_local(options) && matches!(mode, PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer)
}

/// Whether another machine can impersonate the server. Only `verify-full` verifies the host name.
/// verified.
pub(crate) fn may_be_an_impostor(options: &PgConnectOptions) -> bool {
    !is_local(options) && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull)
}

fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn options(url: &str) -> PgConnectOptions {
        check_url(url).unwrap();
        url.parse().unwrap()
    }

    const NEON: &str = "postgresql://app:p%40ss%3Aw%2Frd@ep-cool-name-123456-pooler.eu-central-1.aws.neon.tech/clinic\
                        ?sslmode=require&channel_binding=require";

    #[test]
    fn urls_as_hosts_give_them_are_read() {
        let neon = options(NEON);
        assert_eq!(neon.get_host(), "ep-cool-name-123456-pooler.eu-central-1.aws.neon.tech");
        assert_eq!(
            (neon.get_port(), neon.get_username(), neon.get_database()),
            (5432, "app", Some("clinic"))
        );
        assert!(matches!(neon.get_ssl_mode(), PgSslMode::Require));
        let endpoint =
            options("postgres://app:pw@ep-x.aws.neon.tech/db?sslmode=require&options=endpoint%3Dep-x");
        assert!(matches!(endpoint.get_ssl_mode(), PgSslMode::Require));
        let full = options(
            "postgres://u@db.abc.eu-west-1.rds.amazonaws.com/d?sslmode=verify-full&sslrootcert=rds.pem",
        );
        assert!(matches!(full.get_ssl_mode(), PgSslMode::VerifyFull));
        let socket = options("postgres://u@localhost/d?host=/var/run/postgresql");
        assert!(is_local(&socket));
    }

    #[test]
    fn poolers_of_known_hosts_are_known() {
        for (url, pooler) in [
            (NEON, true),
            (&NEON.replace("-pooler", "") as &str, false),
            ("postgres://u@aws-0-eu-central-1.pooler.supabase.com:6543/postgres", true),
            ("postgres://u@aws-0-eu-central-1.pooler.supabase.com:5432/postgres", false),
            ("postgres://u@db.abcdef.supabase.co:6543/postgres", true),
            ("postgres://u@localhost:6543/postgres", false),
            ("postgres://u@x-pooler.example.com/postgres", false),
        ] {
            assert_eq!(is_pooler(&options(url)), pooler, "{url}");
        }
    }

    #[test]
    fn what_may_go_in_the_clear_is_known() {
        for (url, clear, impostor) in [
            ("postgres://u@db.example.com/d", true, true),
            ("postgres://u@db.example.com/d?sslmode=disable", true, true),
            ("postgres://u@db.example.com/d?sslmode=require", false, true),
            ("postgres://u@db.example.com/d?sslmode=verify-ca", false, true),
            ("postgres://u@db.example.com/d?sslmode=verify-full", false, false),
            ("postgres://u@localhost/d", false, false),
            ("postgres://u@127.0.0.2/d", false, false),
            ("postgres://u@[::1]/d", false, false),
            ("postgres://u@10.0.0.1/d", true, true),
        ] {
            let options = options(url);
            assert_eq!(
                (may_go_in_the_clear(&options), may_be_an_impostor(&options)),
                (clear, impostor),
                "{url}"
            );
        }
    }
}
