use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;

use super::*;

fn chunked(chunks: usize, bytes: usize) -> Body {
    let frames = (0..chunks).map(move |_| Ok::<_, Infallible>(Frame::data(Bytes::from(vec![b'x'; bytes]))));
    Body::new(StreamBody::new(stream::iter(frames)))
}

fn post_echo(body: Body) -> Request<Body> {
    request("POST", "/echo").body(body).unwrap()
}

#[tokio::test]
async fn a_body_of_the_limit_passes_and_a_byte_more_does_not() {
    let house = house(HttpSettings { body_bytes_max: 1_000, ..HttpSettings::default() });
    let fits = send(&house, post_echo(chunked(10, 100))).await;
    assert_eq!(fits.status(), 200);
    assert_eq!(text(fits).await.len(), 1_000);
    for body in [chunked(1, 1_001), chunked(1_001, 1), chunked(1_000_000, 1_000)] {
        let response = send(&house, post_echo(body)).await;
        assert_eq!(response.status(), 413);
        assert_eq!(header(&response, "content-type"), "application/problem+json");
    }
}

#[tokio::test]
async fn an_announced_body_is_refused_before_it_is_read() {
    let house = house(HttpSettings { body_bytes_max: 1_000, ..HttpSettings::default() });
    let unread = Body::new(StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>()));
    let request = request("POST", "/echo").header("content-length", "1001").body(unread).unwrap();
    assert_eq!(send(&house, request).await.status(), 413);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_given_up() {
    let house = house(HttpSettings::default());
    let unread = Body::new(StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>()));
    let response = send(&house, post_echo(unread)).await;
    assert_eq!(response.status(), 408);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_is_given_up() {
    let response = send(&house(HttpSettings::default()), get_request("/hangs")).await;
    assert_eq!(response.status(), 504);
    assert_eq!(header(&response, "x-frame-options"), "DENY");
}
