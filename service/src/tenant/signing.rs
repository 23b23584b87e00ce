//! The keys that sign tenants, and their tokens.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sea_orm::{DbErr, FromQueryResult};
use sha2::Sha256;
use uuid::Uuid;
use watertight_schema::{TenantKey, TenantType};

use super::driver::sql_state;
use super::error::SigningError;
use super::id::TenantId;
use super::inspection::Inspection;

/// The environment variable with the keys that sign tenants.
pub const TENANT_KEY_VARIABLE: &str = TenantKey::VARIABLE;

/// The secret keys with which an application signs tenants for row-level security.
///
/// SQL of the application cannot forge a signature. A key consists of an ID and 32 random bytes, written as
/// `ID:SECRET` with the secret in 64 hexadecimal digits. Several keys are separated by commas, and the first
/// one signs. `watertight keys new` generates a key, and `watertight keys add` installs it in the database.
/// `Debug` prints only the IDs, and the keys are zeroed when dropped.
///
/// ```
/// use watertight::TenantKeys;
///
/// let keys: TenantKeys = "1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f".parse()?;
/// assert_eq!(format!("{keys:?}"), "TenantKeys { ids: [1], .. }");
/// assert!("1:too short".parse::<TenantKeys>().is_err());
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Clone)]
pub struct TenantKeys(Arc<[TenantKey]>);

impl TenantKeys {
    /// Reads the keys from the environment variable [`TENANT_KEY_VARIABLE`].
    ///
    /// Returns `None` if the variable is empty or not set.
    ///
    /// ```
    /// use watertight::TenantKeys;
    ///
    /// if TenantKeys::from_env()?.is_none() {
    ///     println!("`watertight keys new` makes a key");
    /// }
    /// # Ok::<(), watertight::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`SigningError::TenantKey`] for a malformed key.
    pub fn from_env() -> Result<Option<Self>, SigningError> {
        let keys = TenantKey::from_env()?;
        Ok(Some(keys).filter(|keys| !keys.is_empty()).map(|keys| Self(keys.into())))
    }
}

impl std::str::FromStr for TenantKeys {
    type Err = SigningError;

    fn from_str(text: &str) -> Result<Self, SigningError> {
        Ok(Self(TenantKey::parse_list(text)?.into()))
    }
}

impl fmt::Debug for TenantKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<i16> = self.0.iter().map(TenantKey::id).collect();
        f.debug_struct("TenantKeys").field("ids", &ids).finish_non_exhaustive()
    }
}

/// Signs a tenant with HMAC-SHA256 (RFC 2104) over a prefix, which names the type, and the tenant.
///
/// The function `watertight.tenant()` computes the same to verify it. The token of a UUID begins with it. Every other tenant
/// is at the end, because it has no fixed length.
fn token(key: &TenantKey, tenant: TenantId) -> Result<String, DbErr> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.secret())
        .map_err(|_| DbErr::Custom("the tenant key cannot be used for HMAC-SHA256".to_owned()))?;
    match tenant.tenant_type() {
        TenantType::Uuid => mac.update(b"watertight tenant:"),
        other => mac.update(format!("watertight tenant {other}:").as_bytes()),
    }
    tenant.with_text(|text| mac.update(text.as_bytes()));
    let mut digits = [0; 64];
    hex::encode_to_slice(mac.finalize().into_bytes(), &mut digits)
        .map_err(|error| DbErr::Custom(error.to_string()))?;
    let digits = std::str::from_utf8(&digits).map_err(|error| DbErr::Custom(error.to_string()))?;
    Ok(match tenant.tenant_type() {
        TenantType::Uuid => format!("{tenant}.{digits}.{}", key.id()),
        _ => format!("{digits}.{}.{tenant}", key.id()),
    })
}

/// The token of a tenant for a database that verifies no signature.
pub(super) fn unsigned(tenant: TenantId) -> String {
    match tenant.tenant_type() {
        TenantType::Uuid => tenant.to_string(),
        _ => format!("..{tenant}"),
    }
}

/// Creates the tokens of tenants.
#[derive(Clone, Debug)]
pub(crate) enum TenantSigner {
    /// The first key signs the tenants.
    Signed(TenantKeys),
    /// The database accepts tenants without a signature, or the role sees all tenants.
    Unsigned,
}

impl TenantSigner {
    /// The keys, the one that signs first. None without signatures.
    pub(super) fn keys(&self) -> &[TenantKey] {
        match self {
            Self::Signed(TenantKeys(keys)) => keys,
            Self::Unsigned => &[],
        }
    }

    pub(super) fn token(&self, tenant: TenantId) -> Result<Token, DbErr> {
        self.token_of(tenant).map(Token)
    }

    fn token_of(&self, tenant: TenantId) -> Result<String, DbErr> {
        match self {
            Self::Signed(TenantKeys(keys)) => match keys.first() {
                Some(key) => token(key, tenant),
                None => Err(DbErr::Custom("the list of tenant keys is empty".to_owned())),
            },
            Self::Unsigned => Ok(unsigned(tenant)),
        }
    }

    /// Checks that the database has the signing key, or that signatures were waived.
    pub(crate) async fn check(
        inspection: &mut Inspection,
        keys: Option<TenantKeys>,
        distributed: bool,
        tenant_type: TenantType,
    ) -> Result<Self, SigningError> {
        let required = Self::is_required(inspection, tenant_type).await?;
        if required && distributed {
            return Err(SigningError::SignedCluster);
        }
        let Some(keys) = keys else {
            return if required { Err(SigningError::NoTenantKey) } else { Ok(Self::Unsigned) };
        };
        if !required {
            tracing::warn!(
                "the database does not verify the signature of the tenant, so any SQL can name any tenant; \
                 run `watertight keys require` as the owner"
            );
        }
        let id = keys.0.first().map_or(0, TenantKey::id);
        let signer = Self::Signed(keys);
        signer.probe(inspection, tenant_type).await.map_err(|error| match sql_state(&error).as_deref() {
            Some("WT002") => SigningError::NoTenantKeyInstalled,
            Some("WT003") => SigningError::TenantKeyNotInstalled { id },
            Some("WT004") => SigningError::TenantKeyDiffers { id },
            _ => SigningError::Database(error),
        })?;
        Ok(signer)
    }

    /// Whether the database requires signed tenants, which have this type.
    pub(crate) async fn is_required(
        inspection: &mut Inspection,
        tenant_type: TenantType,
    ) -> Result<bool, SigningError> {
        #[derive(FromQueryResult)]
        struct Function {
            signed: bool,
            tenant_type: String,
        }
        let sql = "SELECT p.prosecdef AS signed, format_type(p.prorettype, NULL) AS tenant_type FROM pg_catalog.pg_proc p \
                   JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
                   WHERE n.nspname = 'watertight' AND p.proname = 'tenant' AND p.pronargs = 0 \
                   AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')";
        match inspection.ask::<Function>(sql, []).await?.as_slice() {
            [function] if function.tenant_type == tenant_type.name() => Ok(function.signed),
            [function] => Err(SigningError::TenantTypeDiffers {
                application: tenant_type,
                database: function.tenant_type.clone(),
            }),
            _ => Err(SigningError::NoTenantFunction),
        }
    }

    /// Lets the database verify the token of a tenant that does not exist.
    async fn probe(&self, inspection: &mut Inspection, tenant_type: TenantType) -> Result<(), DbErr> {
        #[derive(FromQueryResult)]
        struct Answer {
            yes: bool,
        }
        let nobody = match tenant_type {
            TenantType::BigInt => TenantId::try_from(i64::MAX),
            TenantType::Integer => TenantId::try_from(i32::MAX),
            TenantType::Text => TenantId::try_from("watertight probe"),
            _ => TenantId::try_from(Uuid::max()),
        };
        let nobody = nobody.map_err(|error| DbErr::Custom(error.to_string()))?;
        let token = self.token_of(nobody)?;
        let set = "SELECT $1::text::watertight.tenant_token IS NOT NULL AS yes";
        let Answer { yes: set } = inspection.ask_one(set, [token.into()]).await?;
        let verified = "SELECT watertight.tenant() IS NOT DISTINCT FROM $1 AS yes";
        let Answer { yes: verified } = inspection.ask_one(verified, [nobody.into()]).await?;
        if set && verified {
            Ok(())
        } else {
            Err(DbErr::Custom("watertight.tenant() does not return the tenant of the token".to_owned()))
        }
    }
}

/// The value of `watertight.tenant` for a statement. It grants access to the tenant, so `Debug` does not
/// print it.
#[derive(Clone)]
pub(super) struct Token(pub(super) String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const TENANT: &str = "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11";

    fn keys(text: &str) -> TenantKeys {
        text.parse().unwrap()
    }

    /// The expected values were computed with Python's `hmac` over `watertight tenant:<tenant>`.
    #[test]
    fn the_first_key_signs_as_hmac_sha256() {
        let signer = TenantSigner::Signed(keys(&format!("7:{}, 2:{}", "01".repeat(32), "02".repeat(32))));
        let token = signer.token(TENANT.parse().unwrap()).unwrap();
        assert_eq!(
            token.0,
            format!("{TENANT}.12c7e8e7dae7e419ea2df02705b5d042153cf0bf671e78a0c69ca00cd52b9375.7")
        );
        assert_eq!(TenantSigner::Unsigned.token(TENANT.parse().unwrap()).unwrap().0, TENANT);
    }

    /// The expected values were computed with Python's `hmac` over `watertight tenant <type>:<tenant>`.
    #[test]
    fn a_token_of_another_type_ends_with_the_tenant() {
        let signer = TenantSigner::Signed(keys(&format!("7:{}", "01".repeat(32))));
        let token = |id: TenantId| signer.token(id).unwrap().0;
        assert_eq!(
            token(TenantId::new(42_i64).unwrap()),
            "8e0aefe4ad7c77afdbd2b7dc82bdd3fa55adb5bf02e5d1d9480d7f432e597475.7.42"
        );
        assert_eq!(
            token(TenantId::new("harbor.street").unwrap()),
            "527ed5b860ecf6102fd4dda41efaea900de89c593c89c81f710f585ecdbe8567.7.harbor.street"
        );
        let unsigned = TenantSigner::Unsigned.token(TenantId::new(42_i32).unwrap()).unwrap();
        assert_eq!(unsigned.0, "..42");
    }

    #[test]
    fn keys_do_not_print_their_secrets() {
        let keys = keys(&format!("1:{}", "5a".repeat(32)));
        assert!(!format!("{keys:?} {:?}", TenantSigner::Signed(keys.clone())).contains("5a5a"));
    }
}
