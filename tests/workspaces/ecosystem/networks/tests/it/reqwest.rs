//! reqwest.

use std::time::Instant;

use reqwest::{Client, Error, Response};
use summon::{Fixture, Link, Way, summon};

use crate::{LONG, SHORT};

#[summon::fixture(bin = "hello", tcp = "{port}")]
static HELLO: Fixture;

fn client() -> Client {
    Client::builder().timeout(LONG).no_proxy().build().unwrap()
}

async fn ask(client: &Client, link: &Link) -> Result<Response, Error> {
    let scheme = "http://";
    client.get(format!("{scheme}{}/", link.addr())).send().await
}

/// Asks for 100,000 bytes.
async fn ask_big(client: &Client, link: &Link) -> Result<Response, Error> {
    let url = format!("http://{}/big", link.addr());
    client.get(url).send().await
}

#[summon(link = HELLO)]
#[tokio::test]
async fn is_cut_off_and_connects_again(hello: &Link) {
    let client = client();
    assert_eq!(
        ask(&client, hello).await.unwrap().text().await.unwrap(),
        "hello"
    );
    hello.cut().unwrap();
    // The connection in the client's pool is lost. The client may notice that at the next request only.
    let lost = ask(&client, hello).await.unwrap_err();
    assert!(lost.is_request(), "{lost:?}");
    let refused = ask(&client, hello).await.unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
    hello.heal().unwrap();
    assert_eq!(
        ask(&client, hello).await.unwrap().text().await.unwrap(),
        "hello"
    );
}

#[summon(link = HELLO)]
#[tokio::test]
async fn loses_a_request_that_waits_for_its_answer(hello: &Link) {
    let client = client();
    hello.silence().unwrap();
    let (asked, ()) = tokio::join!(ask(&client, hello), async {
        // The request has its connection.
        while hello.connections().unwrap().open == 0 {
            tokio::task::yield_now().await;
        }
        hello.cut().unwrap();
    });
    let lost = asked.unwrap_err();
    assert!(lost.is_request() && !lost.is_timeout(), "{lost:?}");
}

#[summon(link = HELLO)]
#[tokio::test]
async fn gives_up_on_a_silent_server(hello: &Link) {
    let client = Client::builder().timeout(SHORT).no_proxy().build().unwrap();
    hello.silence().unwrap();
    let late = ask(&client, hello).await.unwrap_err();
    assert!(late.is_timeout() && !late.is_connect(), "{late:?}");
}

#[summon(link = HELLO)]
#[tokio::test]
async fn gets_no_answer_or_sends_no_request_if_one_direction_is_silent(hello: &Link) {
    for (way, arrives) in [(Way::ToClient, true), (Way::ToServer, false)] {
        let client = Client::builder().timeout(SHORT).no_proxy().build().unwrap();
        let before = hello.connections().unwrap();
        hello.one_way(way).silence().unwrap();
        let late = ask(&client, hello).await.unwrap_err();
        assert!(late.is_timeout() && !late.is_connect(), "{late:?}");
        let after = hello.connections().unwrap();
        assert_eq!(after.to_server > before.to_server, arrives, "{way:?}");
        assert_eq!(after.to_client, before.to_client, "{way:?}");
        hello.heal().unwrap();
    }
}

#[summon(link = HELLO)]
#[tokio::test]
async fn can_not_connect_to_a_blackhole(hello: &Link) {
    let client = Client::builder()
        .connect_timeout(SHORT)
        .no_proxy()
        .build()
        .unwrap();
    hello.blackhole().unwrap();
    let hangs = ask(&client, hello).await.unwrap_err();
    assert!(hangs.is_timeout() && hangs.is_connect(), "{hangs:?}");
    hello.heal().unwrap();
    assert_eq!(
        ask(&self::client(), hello)
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "hello"
    );
}

#[summon(link = HELLO)]
#[tokio::test]
async fn waits_for_late_and_slow_answers(hello: &Link) {
    let client = client();
    hello.delay(SHORT).unwrap();
    let began = Instant::now();
    assert_eq!(
        ask(&client, hello).await.unwrap().text().await.unwrap(),
        "hello"
    );
    assert!(began.elapsed() >= SHORT, "{:?}", began.elapsed());
    hello.heal().unwrap();
    hello.limit("500KB").unwrap();
    let began = Instant::now();
    let big = ask_big(&client, hello).await.unwrap();
    assert_eq!(big.text().await.unwrap().len(), 100_000);
    assert!(began.elapsed() >= SHORT, "{:?}", began.elapsed());
}

#[summon(link = HELLO)]
#[tokio::test]
async fn gets_a_part_of_an_answer(hello: &Link) {
    hello.close_after(1000).unwrap();
    let head = ask_big(&client(), hello).await.unwrap();
    assert!(head.status().is_success());
    let part = head.text().await.unwrap_err();
    assert!(part.is_body() || part.is_decode(), "{part:?}");
}

#[summon(link = HELLO)]
#[tokio::test]
async fn one_direction_is_late_slow_and_ends_alone(hello: &Link) {
    let client = client();
    hello.one_way(Way::ToServer).delay(SHORT).unwrap();
    let began = Instant::now();
    let said = ask(&client, hello).await.unwrap();
    assert_eq!(said.text().await.unwrap(), "hello");
    assert!(began.elapsed() >= SHORT, "{:?}", began.elapsed());
    hello.heal().unwrap();
    hello.one_way(Way::ToClient).limit("500KB").unwrap();
    let began = Instant::now();
    let big = ask_big(&client, hello).await.unwrap();
    assert_eq!(big.text().await.unwrap().len(), 100_000);
    assert!(began.elapsed() >= SHORT, "{:?}", began.elapsed());
    hello.heal().unwrap();
    let before = hello.connections().unwrap().to_server;
    hello.one_way(Way::ToServer).close_after(10).unwrap();
    // A new connection, since a client may ask again if an old one is lost.
    let lost = ask(&self::client(), hello).await.unwrap_err();
    assert!(lost.is_request() && !lost.is_timeout(), "{lost:?}");
    assert_eq!(hello.connections().unwrap().to_server - before, 10);
}
