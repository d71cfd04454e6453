//! Counts visits in PostgreSQL, and caches the counts in Redis: `visits PORT`, with `DATABASE_URL`
//! and `CACHE_URL` in the environment.

use std::error::Error;

use postgres::{Client, NoTls};
use redis::Commands;

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args()
        .nth(1)
        .ok_or("usage: visits PORT")?
        .parse()?;
    let (database, cache) = (std::env::var("DATABASE_URL")?, std::env::var("CACHE_URL")?);
    Client::connect(&database, NoTls)?
        .batch_execute("CREATE TABLE IF NOT EXISTS visits (name TEXT PRIMARY KEY, count BIGINT)")?;
    let answer = |method: &str, path: &str| {
        let Some(name) = path.strip_prefix("/visits/") else {
            return Ok("fine".to_owned());
        };
        let answer = match method {
            "POST" => visit(&database, &cache, name),
            _ => count(&database, &cache, name),
        };
        answer.map_err(|error| error.to_string())
    };
    Err(summon_example_servers::serve(port, answer).into())
}

fn visit(database: &str, cache: &str, name: &str) -> Result<String, Box<dyn Error>> {
    let mut client = Client::connect(database, NoTls)?;
    let query = "INSERT INTO visits VALUES ($1, 1)
        ON CONFLICT (name) DO UPDATE SET count = visits.count + 1 RETURNING count";
    let count: i64 = client.query_one(query, &[&name])?.get(0);
    // Without a cache, the server works more slowly.
    let _ = remember(cache, name, count);
    Ok(count.to_string())
}

fn count(database: &str, cache: &str, name: &str) -> Result<String, Box<dyn Error>> {
    if let Ok(Some(count)) = recall(cache, name) {
        return Ok(format!("{count} (cached)"));
    }
    let mut client = Client::connect(database, NoTls)?;
    let row = client.query_opt("SELECT count FROM visits WHERE name = $1", &[&name])?;
    let count: i64 = row.map_or(0, |row| row.get(0));
    let _ = remember(cache, name, count);
    Ok(count.to_string())
}

fn remember(cache: &str, name: &str, count: i64) -> redis::RedisResult<()> {
    redis::Client::open(cache)?
        .get_connection()?
        .set(name, count)
}

fn recall(cache: &str, name: &str) -> redis::RedisResult<Option<i64>> {
    redis::Client::open(cache)?.get_connection()?.get(name)
}
