//! A provider that answers at once and always the same: the least that can be behind a gateway.

use std::io::Write as _;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::load::body_length;

const BODY: &str = concat!(
    r#"{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"fixed","choices":["#,
    r#"{"index":0,"message":{"role":"assistant","content":"A short answer of the kind that models give to short "#,
    r#"questions, long enough to be worth reading once.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"#,
    r#""usage":{"prompt_tokens":60,"completion_tokens":20,"total_tokens":80}}"#
);

/// Serves until killed; says where on standard output.
pub(crate) async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(answer(stream));
    }
}

async fn answer(mut stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ";
    let response = format!("{head}{}\r\n\r\n{BODY}", BODY.len());
    let mut buffer = Vec::with_capacity(4096);
    loop {
        while let Some(length) = whole(&buffer) {
            buffer.drain(..length);
            stream.write_all(response.as_bytes()).await?;
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

/// The length of the request at the front of the buffer, when it is there completely.
fn whole(buffer: &[u8]) -> Option<usize> {
    let head = memchr::memmem::find(buffer, b"\r\n\r\n")? + 4;
    let length = head + body_length(buffer.get(..head)?).unwrap_or(0);
    (buffer.len() >= length).then_some(length)
}
