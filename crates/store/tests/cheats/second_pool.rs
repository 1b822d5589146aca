//! A second pool beside that of the gates: sqlx makes one, and nothing of the house takes what comes out of it.

async fn pool(options: sqlx::postgres::PgConnectOptions) {
    let pool = sqlx::PgPool::connect_lazy_with(options);
    let mut tx = pool.begin().await.unwrap();
    let _ = store::agents::list(&mut tx, None, 10).await;
    let mut connection = pool.acquire().await.unwrap();
    let _ = store::agents::list(&mut connection, None, 10).await;
}

fn main() {}
