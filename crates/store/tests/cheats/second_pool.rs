//! A second pool beside that of the gates.

fn pool() {
    let _ = gates::Pool::new(sqlx::postgres::PgConnectOptions::new(), 1);
}

fn main() {}
