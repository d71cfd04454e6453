//! moto, an imitation of AWS, with the crates `rusty-s3` and `ureq`.
//!
//! Install it with `pip install 'moto[server]'`. `servers::Moto` serves all of its services on one port, in
//! memory. S3 needs addresses with the bucket in the path. Any region and any credentials work. For
//! the clients of the AWS SDK, set `AWS_ENDPOINT_URL` to the URL.

use std::time::Duration;

use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use summon::{servers::Moto, summon};

#[summon(executor = Moto::new())]
#[test]
#[cfg_attr(not(has_moto), ignore = "moto_server is not on PATH")]
fn keeps_an_object(aws: &Moto) -> Result<(), ureq::Error> {
    let endpoint = aws.url("/").parse().unwrap();
    let bucket = Bucket::new(endpoint, UrlStyle::Path, "letters", "us-east-1").unwrap();
    let user = Credentials::new("any", "any");
    let soon = Duration::from_secs(60);
    ureq::put(bucket.create_bucket(&user).sign(soon).as_str()).send_empty()?;
    let put = bucket.put_object(Some(&user), "lisa").sign(soon);
    ureq::put(put.as_str()).send("hello")?;
    let get = bucket.get_object(Some(&user), "lisa").sign(soon);
    let mut found = ureq::get(get.as_str()).call()?.into_body();
    assert_eq!(found.read_to_string()?, "hello");
    Ok(())
}
