//! Methods of a client.

use chrono::NaiveDate;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, ModelTrait, QueryFilter, Set};
use watertight::Tenant;
use watertight::entity::public::clients;

use crate::{client_details, loyalty_cards};

/// Methods on watertight's model of a client. They accept only a tenant's connection or transaction.
pub trait LoyalClient {
    /// The client's card, if any.
    ///
    /// # Errors
    /// The error of the database.
    fn card(
        &self,
        tenant: &impl Tenant,
    ) -> impl Future<Output = Result<Option<loyalty_cards::Model>, DbErr>> + Send;

    /// Stamps the client's card. The first stamp creates the card, and a full card stays full.
    ///
    /// # Errors
    /// The error of the database.
    fn stamp(&self, tenant: &impl Tenant)
    -> impl Future<Output = Result<loyalty_cards::Model, DbErr>> + Send;

    /// Saves the client's birthday.
    ///
    /// # Errors
    /// [`DbErr::RecordNotUpdated`] when the client does not exist.
    fn celebrate_on(
        &self,
        tenant: &impl Tenant,
        birthday: NaiveDate,
    ) -> impl Future<Output = Result<client_details::Model, DbErr>> + Send;
}

impl LoyalClient for clients::Model {
    async fn card(&self, tenant: &impl Tenant) -> Result<Option<loyalty_cards::Model>, DbErr> {
        self.find_related(loyalty_cards::Entity).one(tenant).await
    }

    async fn stamp(&self, tenant: &impl Tenant) -> Result<loyalty_cards::Model, DbErr> {
        let card = loyalty_cards::ActiveModel { client_id: Set(self.id), ..Default::default() };
        loyalty_cards::Entity::insert(card)
            .on_conflict(OnConflict::column(loyalty_cards::Column::ClientId).do_nothing().to_owned())
            .exec_without_returning(tenant)
            .await?;
        let stamps = loyalty_cards::Column::Stamps;
        let stamped = loyalty_cards::Entity::update_many()
            .col_expr(stamps, Expr::cust_with_exprs("least($1, 10)", [stamps.into_expr().add(1)]))
            .filter(loyalty_cards::Column::ClientId.eq(self.id))
            .exec_with_returning(tenant)
            .await?;
        stamped.into_iter().next().ok_or(DbErr::RecordNotUpdated)
    }

    async fn celebrate_on(
        &self,
        tenant: &impl Tenant,
        birthday: NaiveDate,
    ) -> Result<client_details::Model, DbErr> {
        let details = client_details::ActiveModel {
            tenant_id: Set(self.tenant_id),
            id: Set(self.id),
            birthday: Set(Some(birthday)),
        };
        details.update(tenant).await
    }
}
