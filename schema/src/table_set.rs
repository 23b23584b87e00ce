use std::fmt;

/// A group of watertight's own tables that an application chooses as a whole.
///
/// ```
/// use watertight_schema::TableSet;
///
/// assert_eq!(TableSet::Auth.schema(), "auth");
/// assert!(TableSet::Booking.tables().contains(&"clients"));
/// assert_eq!(TableSet::Booking.requires(), [TableSet::Content]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TableSet {
    /// Users, sessions, TOTP secrets, backup codes, invitations and audit events.
    Auth,
    /// The profile of a business, its services, opening hours, reviews and practitioners.
    Content,
    /// Clients, bookings, payments, time blocks, days with other opening hours, and slot reservations.
    Booking,
    /// Gift certificates, their redemptions, and packages.
    Certificates,
    /// Intake forms and submissions.
    Intake,
    /// Appointments, payments and bookings that were imported from another system.
    History,
}

impl TableSet {
    /// Every table set, each after the sets that it requires.
    pub const ALL: [Self; 6] =
        [Self::Auth, Self::Content, Self::Booking, Self::Certificates, Self::Intake, Self::History];

    /// The name in settings and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Content => "content",
            Self::Booking => "booking",
            Self::Certificates => "certificates",
            Self::Intake => "intake",
            Self::History => "history",
        }
    }

    /// The static schema: the schema in the generated entities, and by default in the database.
    ///
    /// [`TableSets::in_schema`](crate::TableSets::in_schema) chooses another schema in the database.
    #[must_use]
    pub const fn schema(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            _ => "public",
        }
    }

    /// The names of the tables, each after the tables that it refers to.
    #[must_use]
    pub const fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Auth => {
                &["users", "sessions", "totp_secrets", "backup_codes", "invitations", "audit_events"]
            }
            Self::Content => &["business_profile", "services", "business_hours", "reviews", "practitioners"],
            Self::Booking => &[
                "clients",
                "bookings",
                "time_blocks",
                "business_hours_overrides",
                "slot_reservations",
                "booking_payments",
            ],
            Self::Certificates => &["gift_certificates", "packages", "gift_certificate_redemptions"],
            Self::Intake => &["intake_form_templates", "intake_submissions"],
            Self::History => &["appointments", "payments", "local_bookings"],
        }
    }

    /// The sets whose tables this set's tables refer to.
    ///
    /// ```
    /// use watertight_schema::TableSet;
    ///
    /// assert_eq!(TableSet::Certificates.requires(), [TableSet::Content, TableSet::Booking]);
    /// assert!(TableSet::Auth.requires().is_empty());
    /// ```
    #[must_use]
    pub const fn requires(self) -> &'static [Self] {
        match self {
            Self::Auth | Self::Content | Self::History => &[],
            Self::Booking => &[Self::Content],
            Self::Certificates | Self::Intake => &[Self::Content, Self::Booking],
        }
    }

    /// The migrations of `watertight-migration` that create the tables.
    #[must_use]
    pub const fn migrations(self) -> &'static [&'static str] {
        match self {
            Self::Auth => &[
                "m20260101_000001_create_auth",
                "m20260101_000008_tenant_parameter",
                "m20260101_000010_audit_integrity",
                "m20260101_000011_inviter_role",
                "m20260101_000015_ended_sessions",
                "m20260101_000015_final_auth",
                "m20260101_000015_readable_auth",
            ],
            Self::Content => &[
                "m20260101_000002_create_content",
                "m20260101_000012_nights_and_buffers",
                "m20260101_000015_readable_content",
            ],
            Self::Booking => &[
                "m20260101_000003_create_booking",
                "m20260101_000007_no_double_booking",
                "m20260101_000013_occupied_spans",
                "m20260101_000014_booking_payments",
                "m20260101_000015_readable_booking",
                "m20260101_000016_booking_contacts",
            ],
            Self::Certificates => &[
                "m20260101_000004_create_gift_certificates",
                "m20260101_000014_purchase_items",
                "m20260101_000015_final_certificates",
                "m20260101_000015_readable_certificates",
            ],
            Self::Intake => &[
                "m20260101_000005_create_intake",
                "m20260101_000015_final_intake",
                "m20260101_000015_readable_intake",
            ],
            Self::History => &[
                "m20260101_000006_create_business_history",
                "m20260101_000014_history_currency",
                "m20260101_000015_final_history",
                "m20260101_000015_readable_history",
            ],
        }
    }
}

impl TableSet {
    /// The set whose tables a migration of `watertight-migration` creates or changes.
    ///
    /// ```
    /// use watertight_schema::TableSet;
    ///
    /// assert_eq!(TableSet::of_migration("m20260101_000002_create_content"), Some(TableSet::Content));
    /// assert_eq!(TableSet::of_migration("m20260101_000009_signed_tenant"), None);
    /// ```
    #[must_use]
    pub fn of_migration(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.migrations().contains(&name))
    }
}

impl fmt::Display for TableSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
