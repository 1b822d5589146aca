use http::HeaderValue;

use super::*;

fn headers(name: &'static str, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_str(value).unwrap());
    headers
}

#[test]
fn only_events_are_a_stream() {
    for good in ["text/event-stream", "Text/Event-Stream; charset=utf-8"] {
        assert!(is_event_stream(&headers("content-type", good)), "{good}");
    }
    for bad in ["application/json", "text/html", "text/event-streams"] {
        assert!(!is_event_stream(&headers("content-type", bad)), "{bad}");
    }
    assert!(is_event_stream(&HeaderMap::new()), "some servers do not say");
}

#[test]
fn a_wait_is_passed_on_where_it_helps_and_within_reason() {
    let wait = |code: ErrorCode, value: &str| {
        let refusal = Refusal::Api(ApiError::new(code, "x"), None, None);
        match with_wait(refusal, &headers("retry-after", value)) {
            Refusal::Api(_, wait, _) => wait,
            Refusal::Problem(_) => None,
        }
    };
    assert_eq!(wait(ErrorCode::UpstreamRateLimited, "7"), Some(7));
    assert_eq!(wait(ErrorCode::UpstreamRateLimited, "999999"), Some(RETRY_AFTER_SECONDS_MAX));
    assert_eq!(wait(ErrorCode::UpstreamRateLimited, "Wed, 21 Oct 2026 07:28:00 GMT"), None);
    assert_eq!(wait(ErrorCode::UpstreamRefused, "7"), None);
}

#[tokio::test]
async fn a_body_over_the_limit_is_told_apart_from_a_broken_one() {
    let long = read(Body::from(vec![b' '; 11]), 10).await.err().unwrap();
    assert_eq!(long.code, ErrorCode::BodyTooLarge);
    assert!(read(Body::from(vec![b' '; 10]), 10).await.is_ok());
    let broken =
        futures_util::stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("reset"))]);
    let broken = read(Body::from_stream(broken), 10).await.err().unwrap();
    assert_eq!(broken.code, ErrorCode::InvalidJson);
    for (kind, code) in [
        (ProblemKind::TooLarge, ErrorCode::BodyTooLarge),
        (ProblemKind::TooSlow, ErrorCode::BodyTooSlow),
        (ProblemKind::Internal, ErrorCode::InvalidJson),
    ] {
        let cut = [Ok(Bytes::from_static(b"{")), Err(Problem::new(kind, "cut"))];
        let cut = read(Body::from_stream(futures_util::stream::iter(cut)), 10).await.err().unwrap();
        assert_eq!((cut.code, cut.http_status() < 500), (code, true));
    }
}
