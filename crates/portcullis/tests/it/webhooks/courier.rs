//! The way out by itself: what it calls, what it does not, and how long it waits.

use std::time::{Duration, Instant};

use app::providers::UrlRules;
use app::webhooks::{Answered, Courier as _, Message, Target, Unsent};
use portcullis::webhooks::HttpCourier;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::receiver::{Receiver, Reply};
use super::stage::OPEN;
use crate::house::run;

fn message(url: &str, rules: UrlRules) -> Message {
    Message {
        target: Target::parse(url, rules).expect(url),
        id: "m-1".to_owned(),
        timestamp: 1_700_000_000,
        signature: "v1,c2lnbmVk".to_owned(),
        body: b"{\"exactly\": \"these bytes\"}".to_vec(),
    }
}

fn courier() -> HttpCourier {
    HttpCourier::new().expect("TLS defaults").within(Duration::from_millis(700))
}

async fn sent(url: &str, rules: UrlRules) -> Result<Answered, Unsent> {
    courier().send(message(url, rules)).await
}

/// A server that treats every connection so.
async fn server<F>(treat: impl Fn(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(treat(stream));
        }
    });
    format!("http://{address}/")
}

#[test]
fn exactly_the_signed_bytes_leave_and_redirects_are_not_followed() {
    run(async |_| {
        let receiver = Receiver::start().await;
        let answered = sent(&receiver.url, OPEN).await.expect("an answer");
        assert_eq!((answered.status, answered.retry_after_seconds), (204, None));
        let got = receiver.one();
        assert_eq!(&got.body[..], b"{\"exactly\": \"these bytes\"}");
        assert_eq!((got.id(), got.header("webhook-timestamp")), ("m-1", "1700000000"));
        assert_eq!(got.header("webhook-signature"), "v1,c2lnbmVk");
        for secret in ["authorization", "cookie"] {
            assert!(!got.headers.contains_key(secret));
        }
        for status in [301, 302, 303, 307, 308] {
            receiver.answers(move |_| Reply(status, Some(7)));
            let answered = sent(&receiver.url, OPEN).await.expect("an answer");
            assert_eq!((answered.status, answered.retry_after_seconds), (status, Some(7)));
            assert_eq!(receiver.got().len(), 1, "{status} led somewhere");
        }
    });
}

#[test]
fn a_name_is_called_only_where_it_may_lead() {
    run(async |_| {
        let receiver = Receiver::start().await;
        let port = receiver.url.rsplit(':').next().and_then(|rest| rest.split('/').next()).expect("a port");
        // By name, to this machine: refused where only the Internet may be called, before anything is connected to.
        let closed = UrlRules::default();
        assert_eq!(sent(&format!("https://localhost:{port}/"), closed).await, Err(Unsent::AddressRefused));
        // Some resolvers take their time to say so.
        let nowhere = sent("https://no-such-host.invalid/", closed).await;
        assert!(matches!(nowhere, Err(Unsent::UnknownHost | Unsent::Timeout)), "{nowhere:?}");
        assert!(sent(&format!("http://localhost:{port}/"), OPEN).await.is_ok());
        assert_eq!(receiver.got().len(), 1);
        // Plain HTTP leads to private addresses alone.
        assert!(Target::parse("http://8.8.8.8/", OPEN).is_err());
    });
}

#[test]
fn a_receiver_that_misbehaves_holds_nobody_up() {
    run(async |_| {
        let closed = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let nobody = format!("http://{}/", closed.local_addr().expect("an address"));
        drop(closed);
        assert_eq!(sent(&nobody, OPEN).await, Err(Unsent::NotReached));

        let silent = server(|mut stream| async move {
            let mut buffer = [0; 1_024];
            while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
        })
        .await;
        let begun = Instant::now();
        assert_eq!(sent(&silent, OPEN).await, Err(Unsent::Timeout));
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert_eq!(sent(&silent.replace("http:", "https:"), OPEN).await, Err(Unsent::Timeout));

        let rude = server(|mut stream| async move {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await;
        })
        .await;
        assert_eq!(sent(&rude, OPEN).await, Err(Unsent::Broken));
        assert_eq!(sent(&rude.replace("http:", "https:"), OPEN).await, Err(Unsent::Tls));

        // Its status counts; what it goes on to say is not waited for.
        let endless = server(|mut stream| async move {
            let mut buffer = [0; 4_096];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
            while stream.write_all(b"5\r\nagain\r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        let begun = Instant::now();
        assert_eq!(sent(&endless, OPEN).await.map(|answered| answered.status), Ok(200));
        assert!(begun.elapsed() < Duration::from_secs(5));
    });
}
