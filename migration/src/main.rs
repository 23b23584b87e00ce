//! What `sea-orm-cli migrate` runs.

#[tokio::main]
async fn main() {
    watertight_migration::run_cli(watertight_migration::Migrator).await;
}
