//! `cargo xtask verify --only neighbors`: keyward's SQLite store in one program with other crates that link SQLite.
//!
//! A program links one `libsqlite3-sys`, so cargo must find a version that all of them accept.

use crate::error::Error;
use crate::fresh::{FreshPackage, TOKIO};
use crate::process;

struct Neighbor {
    name: &'static str,
    dependency: &'static [&'static str],
    /// The body of `main`, after keyward's store is open.
    code: &'static str,
}

const NEIGHBORS: [Neighbor; 4] = [
    Neighbor {
        name: "beside-sqlx-sqlite",
        dependency: &["sqlx@0.9", "--features", "sqlite,runtime-tokio"],
        code: r#"let pool = sqlx::SqlitePool::connect("sqlite::memory:").await?;
    let one: i64 = sqlx::query_scalar("SELECT 1").fetch_one(&pool).await?;
    assert_eq!(one, 1);"#,
    },
    Neighbor {
        name: "beside-sqlx-postgres",
        dependency: &["sqlx@0.9", "--features", "postgres,runtime-tokio"],
        code: r#"sqlx::postgres::PgPoolOptions::new().connect_lazy("postgres://127.0.0.1/notes")?;"#,
    },
    Neighbor {
        name: "beside-diesel",
        dependency: &["diesel@2", "--features", "sqlite"],
        code: r#"use diesel::{Connection as _, RunQueryDsl as _};
    let mut connection = diesel::SqliteConnection::establish(":memory:")?;
    diesel::sql_query("CREATE TABLE notes (id INTEGER)").execute(&mut connection)?;"#,
    },
    Neighbor {
        name: "beside-rusqlite",
        dependency: &["rusqlite@0.43"],
        code: r#"let connection = rusqlite::Connection::open_in_memory()?;
    connection.execute_batch("CREATE TABLE notes (id INTEGER)")?;"#,
    },
];

/// Builds and runs a program with each of them.
pub(crate) fn run() -> Result<(), Error> {
    for neighbor in &NEIGHBORS {
        let package = FreshPackage::create(neighbor.name)?;
        package.add(neighbor.dependency)?;
        package.add(&TOKIO)?;
        process::run(&mut package.build(&main_of(neighbor.code))?)?;
        println!("checked: {}", neighbor.name);
    }
    Ok(())
}

fn main_of(code: &str) -> String {
    format!(
        r#"#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {{
    let store = keyward::sqlite::SqliteStore::open("keys.db")?;
    {code}
    drop(store);
    Ok(())
}}
"#
    )
}
