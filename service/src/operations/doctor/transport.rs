//! Checks that the connection is encrypted and the server authenticated.

use sea_orm::sqlx::postgres::PgConnectOptions;

use super::remedy::Remedy;
use super::report::{Check, Finding, Severity};
use crate::operations::inspection::hosts;

pub(super) fn check(options: &PgConnectOptions, findings: &mut Vec<Finding>) {
    let (severity, problem, remedy) = if hosts::may_go_in_the_clear(options) {
        (
            Severity::Warning,
            "may be unencrypted, although the server is another machine: its sslmode does not require \
             encryption",
            "set sslmode=verify-full in the URL, and sslrootcert=.. if the server's certificate authority is \
             not public",
        )
    } else if hosts::may_be_an_impostor(options) {
        (
            Severity::Note,
            "is encrypted, but the server's certificate is not verified against its host name: another \
             machine can impersonate the server",
            "set sslmode=verify-full in the URL, and sslrootcert=.. if the server's certificate authority is \
             not public",
        )
    } else {
        return;
    };
    findings.push(Finding::new(
        severity,
        Check::Transport,
        "the connection",
        problem,
        Remedy::action(remedy),
    ));
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_on_the_way_is_found() {
        for (url, found) in [
            ("postgres://u@db.example.com/d", Some(Severity::Warning)),
            ("postgres://u@db.example.com/d?sslmode=require", Some(Severity::Note)),
            ("postgres://u@db.example.com/d?sslmode=verify-full", None),
            ("postgres://u@localhost/d", None),
        ] {
            let mut findings = Vec::new();
            check(&url.parse().unwrap(), &mut findings);
            assert_eq!(findings.first().map(|finding| finding.severity), found, "{url}");
        }
    }
}
