//! Jobs that carry their tenant through a queue outside the database.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use sea_orm::DbErr;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::connection::TenantConnection;
use super::error::JobError;
use super::id::TenantId;
use super::sealing::Purpose;
use super::shared::Shared;
use super::signing::TenantSigner;
use super::transaction::TenantTransaction;

/// A kind of job: the data of the work, and a name for it.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use watertight::Job;
///
/// #[derive(Serialize, Deserialize)]
/// struct SendLetter {
///     client: uuid::Uuid,
/// }
///
/// impl Job for SendLetter {
///     const KIND: &'static str = "send letter";
/// }
/// ```
pub trait Job: Serialize + DeserializeOwned {
    /// The name of the kind. It is signed, so that no job can be opened as another kind. Another release has to have
    /// the same name, or it cannot open waiting jobs.
    const KIND: &'static str;
}

/// A job with its tenant, signed with the tenant key, for a queue outside the database.
///
/// It is created by `seal_job` of a tenant's connection or transaction, serialized into any queue, and opened by
/// [`Watertight::open_job`](crate::Watertight::open_job). A program that can write to the queue and has no tenant key can
/// neither create a job nor change the tenant, the kind or the data of one.
///
/// It can repeat a job: use [`id`](Self::id) to recognize it. The data is signed and not encrypted, so put IDs into a job
/// and not rows.
///
/// ```no_run
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize)]
/// # struct SendLetter { client: uuid::Uuid }
/// # impl watertight::Job for SendLetter { const KIND: &'static str = "send letter"; }
/// use uuid::Uuid;
/// use watertight::{TenantConnection, TenantJob, Watertight};
///
/// fn enqueue(tenant: &TenantConnection, client: Uuid) -> anyhow::Result<String> {
///     let job = tenant.seal_job(Uuid::now_v7(), &SendLetter { client })?;
///     Ok(serde_json::to_string(&job)?)
/// }
///
/// async fn work(water: &Watertight, message: &str) -> anyhow::Result<()> {
///     let job: TenantJob<SendLetter> = serde_json::from_str(message)?;
///     let (tenant, letter) = water.open_job(&job)?;
///     println!("a letter to client {} of tenant {}", letter.client, tenant.tenant_id());
///     Ok(())
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct TenantJob<T> {
    id: Uuid,
    tenant: TenantId,
    kind: String,
    /// The data as JSON, in the form that was signed.
    data: String,
    /// The ID of the key that signed.
    key: i16,
    signature: String,
    #[serde(skip)]
    of: PhantomData<fn() -> T>,
}

impl<T> TenantJob<T> {
    /// The ID of the job, which stays the same when the queue delivers it again.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// The tenant that the job names, before the signature was verified.
    ///
    /// Use it only to find the database of the tenant, and open the job with
    /// [`TenantConnection::open_job`](crate::TenantConnection::open_job) there.
    ///
    /// ```no_run
    /// # use watertight::{Error, Job, TenantJob, routing::TenantRouter};
    /// async fn run<T: Job>(router: &impl TenantRouter, job: &TenantJob<T>) -> Result<T, Error> {
    ///     let tenant = router.route(job.dangerous_tenant_id()).await?;
    ///     Ok(tenant.open_job(job)?)
    /// }
    /// ```
    #[must_use]
    pub const fn dangerous_tenant_id(&self) -> TenantId {
        self.tenant
    }

    /// The parts that are signed.
    fn parts(&self) -> [String; 4] {
        [self.tenant.to_string(), self.kind.clone(), self.id.to_string(), self.data.clone()]
    }
}

impl<T: Job> TenantJob<T> {
    fn seal(signer: &TenantSigner, tenant: TenantId, id: Uuid, job: &T) -> Result<Self, JobError> {
        let data = serde_json::to_string(job).map_err(|source| JobError::Data { kind: T::KIND, source })?;
        let (kind, of) = (T::KIND.to_owned(), PhantomData);
        let mut sealed = Self { id, tenant, kind, data, key: 0, signature: String::new(), of };
        let parts = sealed.parts();
        let (key, code) =
            signer.seal(Purpose::Job, &parts.each_ref().map(String::as_str))?.ok_or(JobError::NoTenantKey)?;
        sealed.key = key;
        sealed.signature = hex::encode(code);
        Ok(sealed)
    }

    fn open(&self, signer: &TenantSigner) -> Result<T, JobError> {
        if signer.keys().is_empty() {
            return Err(JobError::NoTenantKey);
        }
        let parts = self.parts();
        let parts = parts.each_ref().map(String::as_str);
        let signature = hex::decode(&self.signature).unwrap_or_default();
        match signer.is_sealed(self.key, Purpose::Job, &parts, &signature)? {
            None => return Err(JobError::UnknownKey { id: self.key }),
            Some(false) => return Err(JobError::Forged { job: self.id }),
            Some(true) => {}
        }
        if self.kind != T::KIND {
            return Err(JobError::OtherKind { found: self.kind.clone(), expected: T::KIND });
        }
        serde_json::from_str(&self.data).map_err(|source| JobError::Data { kind: T::KIND, source })
    }

    /// Verifies a job and returns its data with the connection of its tenant.
    pub(crate) fn open_on(&self, shared: &Arc<Shared>) -> Result<(TenantConnection, T), JobError> {
        let data = self.open(&shared.signer)?;
        Ok((TenantConnection::new(Arc::clone(shared), self.tenant), data))
    }
}

impl<T> fmt::Debug for TenantJob<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantJob")
            .field("id", &self.id)
            .field("tenant", &self.tenant)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl TenantConnection {
    /// Signs a job of the tenant for a queue outside the database; see [`TenantJob`].
    ///
    /// The ID stays the same when the queue delivers the job again. Take the ID of a row, or `Uuid::now_v7()`.
    ///
    /// ```no_run
    /// # fn example<T: watertight::Job>(tenant: watertight::TenantConnection, job: T) -> anyhow::Result<()> {
    /// let sealed = tenant.seal_job(uuid::Uuid::now_v7(), &job)?;
    /// println!("{}", serde_json::to_string(&sealed)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`JobError::NoTenantKey`] without a tenant key, and [`JobError::Data`] if the data has no form in JSON.
    pub fn seal_job<T: Job>(&self, id: Uuid, job: &T) -> Result<TenantJob<T>, JobError> {
        TenantJob::seal(&self.scope().shared.signer, self.tenant_id(), id, job)
    }

    /// Verifies the signature of a job of this tenant and returns its data.
    ///
    /// ```no_run
    /// # fn example<T: watertight::Job>(
    /// #     tenant: watertight::TenantConnection, job: watertight::TenantJob<T>,
    /// # ) -> anyhow::Result<T> {
    /// let data = tenant.open_job(&job)?;
    /// # Ok(data)
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`JobError::OtherTenant`] for a job of another tenant, and the errors of
    /// [`Watertight::open_job`](crate::Watertight::open_job).
    pub fn open_job<T: Job>(&self, job: &TenantJob<T>) -> Result<T, JobError> {
        let data = job.open(&self.scope().shared.signer)?;
        if job.tenant == self.tenant_id() {
            Ok(data)
        } else {
            Err(JobError::OtherTenant { found: Box::new(job.tenant), own: Box::new(self.tenant_id()) })
        }
    }
}

impl TenantTransaction {
    /// Signs a job of the tenant; see [`TenantConnection::seal_job`].
    ///
    /// ```no_run
    /// # fn example<T: watertight::Job>(transaction: watertight::TenantTransaction, job: T) -> anyhow::Result<()> {
    /// let sealed = transaction.seal_job(uuid::Uuid::now_v7(), &job)?;
    /// println!("{}", serde_json::to_string(&sealed)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`TenantConnection::seal_job`].
    pub fn seal_job<T: Job>(&self, id: Uuid, job: &T) -> Result<TenantJob<T>, JobError> {
        TenantJob::seal(&self.scope().shared.signer, self.tenant_id(), id, job)
    }
}

impl From<DbErr> for JobError {
    fn from(error: DbErr) -> Self {
        Self::Signing(error)
    }
}
