//! Forms and their versions.

use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value as Json;
use uuid::Uuid;
use watertight_entity::public::intake_form_templates;

use super::Intake;
use super::schema;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::{columns, statement};
use crate::vocabulary::text;

/// Forms.
impl<C: TenantExecutor> Intake<'_, C> {
    /// Creates the next version of a form. Earlier versions and the answers to them do not change.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`] when the schema is not JSON Schema, has an unknown keyword or format, or exceeds a
    /// limit.
    pub async fn create_template(
        self,
        form_type: &str,
        title: &str,
        form_schema: &Json,
    ) -> Result<intake_form_templates::Model, BookingError> {
        text::check_word("form type", form_type, 64)?;
        text::check("title", title, 255)?;
        schema::check(form_schema).await?;
        let insert = format!(
            r#"INSERT INTO "public"."intake_form_templates" ("form_type", "version", "title", "schema")
            SELECT $1::varchar, coalesce(max("t"."version"), 0) + 1, $2::varchar, $3::jsonb
            FROM "public"."intake_form_templates" AS "t" WHERE "t"."form_type" = $1
            ON CONFLICT ("form_type", "version") DO NOTHING RETURNING {}"#,
            columns::<intake_form_templates::Entity>()
        );
        // Later versions are numbered one after another, behind the lock of the first. Only the first can be created by
        // several transactions at once: one inserts it, and the others then find it to lock.
        for _ in 0..2 {
            let transaction = self.db.begin().await?;
            Intake::new(&transaction).lock_first_version(form_type).await?;
            let values = [form_type.into(), title.into(), form_schema.clone().into()];
            let row = { transaction.query_one_raw(statement(insert.as_str(), values)).await? };
            transaction.commit().await?;
            if let Some(row) = row {
                return Ok(intake_form_templates::Model::from_query_result(&row, "")?);
            }
        }
        Err(BookingError::Database(sea_orm::DbErr::RecordNotInserted))
    }

    async fn lock_first_version(self, form_type: &str) -> Result<(), BookingError> {
        let first = intake_form_templates::Entity::find()
            .select_only()
            .column(intake_form_templates::Column::Id)
            .filter(intake_form_templates::Column::FormType.eq(form_type))
            .order_by_asc(intake_form_templates::Column::Version)
            .lock(LockType::NoKeyUpdate);
        first.into_tuple::<Uuid>().one(self.db).await?;
        Ok(())
    }

    /// The latest active version of a form; `None` when there is none.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_template(
        self,
        form_type: &str,
    ) -> Result<Option<intake_form_templates::Model>, BookingError> {
        let select = intake_form_templates::Entity::find()
            .filter(intake_form_templates::Column::FormType.eq(form_type))
            .filter(intake_form_templates::Column::Active.eq(true))
            .order_by_desc(intake_form_templates::Column::Version);
        Ok(select.one(self.db).await?)
    }

    /// Every version of a form, newest first.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_template_versions(
        self,
        form_type: &str,
    ) -> Result<Vec<intake_form_templates::Model>, BookingError> {
        let select = intake_form_templates::Entity::find()
            .filter(intake_form_templates::Column::FormType.eq(form_type))
            .order_by_desc(intake_form_templates::Column::Version);
        Ok(select.all(self.db).await?)
    }

    /// Activates or deactivates a version of a form. Drafts of an inactive version can still be submitted.
    ///
    /// # Errors
    /// [`BookingError::NotFound`].
    pub async fn set_template_active(
        self,
        id: Uuid,
        active: bool,
    ) -> Result<intake_form_templates::Model, BookingError> {
        let update = intake_form_templates::Entity::update_many()
            .col_expr(intake_form_templates::Column::Active, Expr::val(active))
            .filter(intake_form_templates::Column::Id.eq(id));
        let changed = update.exec_with_returning(self.db).await?;
        changed.into_iter().next().ok_or_else(|| BookingError::not_found("form", id))
    }
}
