//! An entity for any table, since the tests' entities do not have the column with the tenant.

use std::sync::Mutex;

static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

mod item {
    use real as sea_orm;
    use real::entity::prelude::*;

    #[derive(Copy, Clone, Default, Debug, DeriveEntity)]
    pub struct Entity {
        pub(super) number: usize,
    }

    impl EntityName for Entity {
        fn table_name(&self) -> &'static str {
            super::name(self.number)
        }
    }

    #[derive(Clone, Debug, PartialEq, Eq, DeriveModel, DeriveActiveModel)]
    pub struct Model {
        pub tenant_id: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveColumn)]
    pub enum Column {
        TenantId,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DerivePrimaryKey)]
    pub enum PrimaryKey {
        TenantId,
    }

    impl PrimaryKeyTrait for PrimaryKey {
        type ValueType = Uuid;

        fn auto_increment() -> bool {
            false
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ColumnTrait for Column {
        type EntityName = Entity;

        fn def(&self) -> ColumnDef {
            ColumnType::Uuid.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn name(number: usize) -> &'static str {
    NAMES.lock().expect("no test panics here").get(number).copied().unwrap_or_default()
}

/// The entity of a table in the schema `public`.
pub(crate) fn entity(table: String) -> item::Entity {
    let mut names = NAMES.lock().expect("no test panics here");
    let number = names.iter().position(|name| **name == *table).unwrap_or_else(|| {
        names.push(table.leak());
        names.len() - 1
    });
    item::Entity { number }
}
