//! The rows of each tenant, and one query that returns different rows for each tenant.

use anyhow::Result;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use watertight::TenantConnection;
use watertight::entity::auth::users;
use watertight::entity::public::{bookings, clients, practitioners, services};

use crate::claims::Claims;
use crate::data::Business;

/// The width of the terminal in columns. Wider text is wrapped.
const WIDTH: u16 = 100;

pub(crate) fn headline(number: u8, title: &str, sentence: &str) {
    println!("\n{number}. {title}\n   {sentence}\n");
}

pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(header);
    table
}

fn price(cents: i64) -> String {
    format!("${}.{:02}", cents / 100, cents % 100)
}

/// The week's bookings of each tenant, with the rows that they refer to.
pub(crate) async fn own_rows(
    claims: &mut Claims,
    tenants: [(&TenantConnection, &Business); 2],
) -> Result<()> {
    headline(
        1,
        "Two tenants in one database",
        "The same tables contain the rows of both. Handles and e-mail addresses overlap, and no row refers to the other tenant.",
    );
    for (tenant, business) in tenants {
        println!("{}, tenant {}", business.profile.name, tenant.tenant_id());
        let week = bookings::Entity::find()
            .order_by_asc(bookings::Column::Datetime)
            .find_also_related(clients::Entity)
            .find_also(bookings::Entity, services::Entity)
            .find_also(bookings::Entity, practitioners::Entity)
            .all(tenant)
            .await?;
        let mut shown = table(&["code", "when", "service", "with", "client", "status"]);
        for (booking, client, service, practitioner) in &week {
            shown.add_row([
                booking.confirmation_code.clone(),
                booking.datetime.with_timezone(&business.profile.time_zone).format("%a %H:%M").to_string(),
                service.as_ref().map_or_else(String::new, |service| service.name.clone()),
                practitioner.as_ref().map_or_else(String::new, |practitioner| practitioner.name.clone()),
                client
                    .as_ref()
                    .map_or_else(String::new, |client| format!("{} {}", client.first_name, client.last_name)),
                booking.status.clone(),
            ]);
        }
        println!("{shown}");
        let name = &business.profile.name;
        claims.check(
            &format!("{name} has the {} bookings of its file", business.bookings.len()),
            &week.len(),
            &business.bookings.len(),
        );
        let complete = week.iter().all(|(_, client, service, practitioner)| {
            client.is_some() && service.is_some() && practitioner.is_some()
        });
        claims.check("each is joined with its client, service and practitioner", &complete, &true);
        println!();
    }
    Ok(())
}

#[derive(Debug, FromQueryResult)]
struct Revenue {
    name: String,
    bookings: i64,
    cents: i64,
}

/// One query, run with each tenant's connection.
pub(crate) async fn same_query(
    claims: &mut Claims,
    tenants: [(&TenantConnection, &Business); 2],
) -> Result<()> {
    headline(
        2,
        "The same query, two answers",
        "These queries do not name a tenant. The connection that runs them belongs to one.",
    );
    let jess = users::Entity::find().filter(users::Column::Handle.eq("jess"));
    println!("users::Entity::find().filter(users::Column::Handle.eq(\"jess\"))");
    let mut shown = table(&["connection", "handle", "email", "display name", "role"]);
    for (tenant, business) in tenants {
        let found = jess.clone().all(tenant).await?;
        for user in &found {
            let name = user.display_name.clone().unwrap_or_default();
            let cells = [&business.profile.name, &user.handle, &user.email, &name, &user.role];
            shown.add_row(cells);
        }
        let own = business.users.iter().filter(|user| user.handle == "jess").map(|user| &user.display_name);
        let seen: Vec<_> = found.into_iter().filter_map(|user| user.display_name).collect();
        claims.check(
            &format!("{} finds its own jess alone", business.profile.name),
            &seen,
            &own.cloned().collect(),
        );
    }
    println!("{shown}\n");

    println!("bookings joined with services and grouped by service, without cancelled bookings");
    let revenue = services::Entity::find()
        .select_only()
        .column(services::Column::Name)
        .column_as(bookings::Column::Id.count(), "bookings")
        .column_as(bookings::Column::AmountCents.sum(), "cents")
        .inner_join(bookings::Entity)
        .filter(bookings::Column::Status.ne("cancelled"))
        .group_by(services::Column::TenantId)
        .group_by(services::Column::Id)
        .order_by_desc(bookings::Column::AmountCents.sum());
    let mut shown = table(&["connection", "service", "bookings", "revenue"]);
    for (tenant, business) in tenants {
        let rows = revenue.clone().into_model::<Revenue>().all(tenant).await?;
        for row in &rows {
            let cells =
                [business.profile.name.clone(), row.name.clone(), row.bookings.to_string(), price(row.cents)];
            shown.add_row(cells);
        }
        let own: i64 = business
            .bookings
            .iter()
            .filter(|booking| booking.status != "cancelled")
            .filter_map(|booking| business.services.iter().find(|service| service.name == booking.service))
            .map(|service| i64::from(service.price_cents))
            .sum();
        let seen = rows.iter().map(|row| row.cents).sum();
        claims.check(&format!("{} earned {}", business.profile.name, price(own)), &seen, &own);
        let clients_seen = clients::Entity::find().count(tenant).await?;
        claims.check(
            &format!("{} counts its own clients", business.profile.name),
            &clients_seen,
            &(business.clients.len() as u64),
        );
    }
    println!("{shown}");
    Ok(())
}
