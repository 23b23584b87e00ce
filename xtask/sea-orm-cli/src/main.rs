//! `sea-orm-cli` in the version that `Cargo.lock` pins.

#[tokio::main]
async fn main() {
    sea_orm_cli::main().await;
}
