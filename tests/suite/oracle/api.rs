//! Random operations through SeaORM's own interface.

use futures_util::TryStreamExt;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, FromQueryResult,
    IntoActiveModel, JsonValue, LoaderTrait, ModelTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Set, StreamTrait, TransactionSession, TransactionTrait,
};
use serde_json::json;

use super::choices::Choices;
use super::schema::{a, b, c, k};

fn row_a(model: &a::Model) -> JsonValue {
    json!([model.tenant_id, model.id, model.n, model.s, model.b_id])
}

fn row_b(model: &b::Model) -> JsonValue {
    json!([model.tenant_id, model.id, model.n, model.s])
}

fn row_c(model: &c::Model) -> JsonValue {
    json!([model.tenant_id, model.id, model.n, model.s, model.a_id, model.d, model.tags])
}

fn new_a(choices: &mut Choices) -> a::ActiveModel {
    a::ActiveModel {
        id: Set(small(choices, 60)),
        n: Set(Some(small(choices, 9))),
        s: Set(Some(choices.of(&["s1", "né", "'; --"]).to_owned())),
        b_id: Set(choices.of(&[None, Some(1), Some(2), Some(77)])),
        ..Default::default()
    }
}

fn small(choices: &mut Choices, below: usize) -> i32 {
    i32::try_from(choices.below(below)).unwrap()
}

#[derive(Debug, FromQueryResult)]
struct Partial {
    id: i32,
    s: Option<String>,
}

/// Runs one operation and returns its result.
#[expect(clippy::too_many_lines, reason = "one arm for each operation")]
pub(super) async fn run<C>(db: &C, choices: &mut Choices) -> Result<Vec<JsonValue>, DbErr>
where
    C: ConnectionTrait + StreamTrait + TransactionTrait,
{
    let n = small(choices, 9);
    let filter = match choices.below(4) {
        0 => a::Column::N.eq(n).or(a::Column::Id.lt(4)),
        1 => a::Column::S.like("%1%"),
        2 => a::Column::Id.is_in([1, 2, n]),
        _ => a::Column::N.is_not_null(),
    };
    Ok(match choices.below(22) {
        0 => a::Entity::find().filter(filter).all(db).await?.iter().map(row_a).collect(),
        1 => vec![json!(a::Entity::find().filter(filter).count(db).await?)],
        2 => {
            let pages = a::Entity::find().order_by_asc(a::Column::Id).paginate(db, 3);
            let (items, page) = (pages.num_items().await?, pages.fetch_page(1).await?);
            page.iter().map(row_a).chain([json!(items)]).collect()
        }
        3 => {
            let mut cursor = a::Entity::find().filter(filter).cursor_by(a::Column::Id);
            cursor.after(n).first(3).all(db).await?.iter().map(row_a).collect()
        }
        4 => {
            let both = a::Entity::find().filter(filter).find_also_related(b::Entity).all(db).await?;
            both.iter().map(|(a, b)| json!([row_a(a), b.as_ref().map(row_b)])).collect()
        }
        5 => {
            let with =
                b::Entity::find().find_with_related(a::Entity).order_by_asc(a::Column::Id).all(db).await?;
            with.iter()
                .map(|(b, many)| {
                    let mut many: Vec<_> = many.iter().map(|a| row_a(a).to_string()).collect();
                    many.sort_unstable();
                    json!([row_b(b), many])
                })
                .collect()
        }
        6 => {
            let found = a::Entity::find().filter(filter).order_by_asc(a::Column::Id).all(db).await?;
            let (one, many) = (found.load_one(b::Entity, db).await?, found.load_many(c::Entity, db).await?);
            let many = many.iter().map(|many| {
                let mut many: Vec<_> = many.iter().map(|c| row_c(c).to_string()).collect();
                many.sort_unstable();
                json!(many)
            });
            one.iter().map(|b| json!(b.as_ref().map(row_b))).chain(many).collect()
        }
        7 => {
            let some = c::Entity::find().filter(c::Column::Id.eq(n)).one(db).await?;
            let Some(some) = some else { return Ok(Vec::new()) };
            some.find_related(a::Entity).all(db).await?.iter().map(row_a).collect()
        }
        8 => {
            let partial =
                a::Entity::find().select_only().columns([a::Column::Id, a::Column::S]).filter(filter);
            let rows = partial.into_model::<Partial>().all(db).await?;
            rows.iter().map(|row| json!([row.id, row.s])).collect()
        }
        9 => {
            let grouped = a::Entity::find()
                .select_only()
                .column(a::Column::S)
                .column_as(a::Column::Id.count(), "rows")
                .group_by(a::Column::S)
                .having(a::Column::Id.count().gt(1));
            let rows: Vec<(Option<String>, i64)> = grouped.into_tuple().all(db).await?;
            rows.into_iter().map(|row| json!(row)).collect()
        }
        10 => {
            let mut many = Vec::new();
            let mut stream = a::Entity::find().filter(filter).stream(db).await?;
            while let Some(model) = stream.try_next().await? {
                many.push(row_a(&model));
            }
            many
        }
        11 => vec![row_a(&new_a(choices).insert(db).await?)],
        12 => {
            let rows = [new_a(choices), new_a(choices), new_a(choices)];
            let inserted = a::Entity::insert_many(rows).exec_with_returning(db).await?;
            inserted.iter().map(row_a).collect()
        }
        13 => {
            let upsert = OnConflict::columns([a::Column::TenantId, a::Column::Id])
                .update_columns([a::Column::N, a::Column::S])
                .to_owned();
            let inserted =
                a::Entity::insert(new_a(choices)).on_conflict(upsert).exec_with_returning(db).await?;
            vec![row_a(&inserted)]
        }
        14 => {
            let Some(some) = a::Entity::find().filter(a::Column::Id.eq(n)).one(db).await? else {
                return Ok(Vec::new());
            };
            let mut some = some.into_active_model();
            some.s = Set(Some(format!("updated {n}")));
            vec![row_a(&some.update(db).await?)]
        }
        15 => {
            let updated = a::Entity::update_many()
                .col_expr(a::Column::N, a::Column::N.into_expr().add(1))
                .filter(filter)
                .exec_with_returning(db)
                .await?;
            updated.iter().map(row_a).collect()
        }
        16 => {
            let Some(some) = c::Entity::find().filter(c::Column::Id.eq(n)).one(db).await? else {
                return Ok(Vec::new());
            };
            vec![json!(some.delete(db).await?.rows_affected)]
        }
        17 => vec![json!(c::Entity::delete_many().filter(c::Column::N.eq(n)).exec(db).await?.rows_affected)],
        18 => {
            let subquery = b::Entity::find().select_only().column(b::Column::Id).filter(b::Column::N.lt(n));
            let within = a::Column::BId.in_subquery(subquery.into_query());
            a::Entity::find().filter(within).all(db).await?.iter().map(row_a).collect()
        }
        19 => {
            let transaction = db.begin().await?;
            let inserted = new_a(choices).insert(&transaction).await?;
            let inner = transaction.begin().await?;
            c::Entity::delete_many().exec(&inner).await?;
            if choices.once_in(2) {
                inner.commit().await?;
            } else {
                inner.rollback().await?;
            }
            let left = c::Entity::find().count(&transaction).await?;
            if choices.once_in(2) {
                transaction.commit().await?;
            }
            vec![row_a(&inserted), json!(left)]
        }
        20 => k::Entity::find().all(db).await?.iter().map(|row| json!([row.id, row.n, row.s])).collect(),
        _ => {
            let joined = a::Entity::find()
                .inner_join(b::Entity)
                .left_join(c::Entity)
                .filter(b::Column::N.lt(n).or(c::Column::Id.is_null()))
                .lock_exclusive_of();
            joined.all(db).await?.iter().map(row_a).collect()
        }
    })
}

/// Locks only `a`, because the nullable side of an outer join cannot be locked.
trait LockA {
    fn lock_exclusive_of(self) -> Self;
}

impl LockA for sea_orm::Select<a::Entity> {
    fn lock_exclusive_of(mut self) -> Self {
        let tables = [sea_orm::sea_query::TableRef::from(sea_orm::sea_query::Alias::new("a"))];
        QueryTrait::query(&mut self).lock_with_tables(sea_orm::sea_query::LockType::Update, tables);
        self
    }
}
