//! The program that `sea-orm-cli migrate` runs.

#[tokio::main]
async fn main() {
    watertight_migration::run_cli_with(watertight_migration::TenantMigrator::new).await;
}
