//! One HTTP/1.1 connection, kept alive: no more of the protocol than a load needs.

use std::fmt::Arguments;
use std::io::Write as _;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const HEAD_SIZE_MAX: usize = 16 * 1024;
const BODY_SIZE_MAX: usize = 16 * 1024 * 1024;
/// Of a body, in an error message.
const EXCERPT_LEN: usize = 400;

/// A connection with its buffers.
pub struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    response: Vec<u8>,
    body_start: usize,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .context("cannot connect to the server")?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            request: Vec::new(),
            response: Vec::new(),
            body_start: 0,
        })
    }

    /// Writes the request into its buffer.
    pub fn prepare(&mut self, method: &str, target: Arguments<'_>, token: &str, body: &str) {
        self.request.clear();
        let head = write!(
            self.request,
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/scim+json; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        head.expect("a vector takes whatever is written");
    }

    /// Sends the prepared request and reads the whole answer; gives its status.
    pub async fn exchange(&mut self) -> Result<u16> {
        self.stream.write_all(&self.request).await?;
        self.response.clear();
        let head_len = loop {
            self.read().await?;
            if let Some(head_len) = head_len(&self.response) {
                break head_len;
            }
            ensure!(
                self.response.len() <= HEAD_SIZE_MAX,
                "the head of the answer is too large"
            );
        };
        let head = Head::parse(&self.response[..head_len])?;
        while self.response.len() < head_len + head.body_len {
            self.read().await?;
        }
        self.body_start = head_len;
        Ok(head.status)
    }

    /// The body of the last answer.
    pub fn body(&self) -> &[u8] {
        &self.response[self.body_start..]
    }

    /// Its beginning, for an error message.
    pub fn body_excerpt(&self) -> String {
        let body = self.body();
        String::from_utf8_lossy(&body[..body.len().min(EXCERPT_LEN)]).into_owned()
    }

    async fn read(&mut self) -> Result<()> {
        let read = self.stream.read_buf(&mut self.response).await?;
        ensure!(read > 0, "the server closed the connection");
        Ok(())
    }
}

/// With the empty line that ends it.
fn head_len(response: &[u8]) -> Option<usize> {
    response
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|position| position + 4)
}

#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    body_len: usize,
}

impl Head {
    fn parse(head: &[u8]) -> Result<Self> {
        let head = str::from_utf8(head).context("the head of the answer is not text")?;
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
        let status = status.context("this is not an answer of HTTP/1.1")?;
        let mut body_len = None;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                body_len = Some(
                    value
                        .trim()
                        .parse()
                        .context("the length of the answer is not a number")?,
                );
            } else if name.eq_ignore_ascii_case("connection")
                && value.trim().eq_ignore_ascii_case("close")
            {
                bail!("the server does not keep the connection");
            }
        }
        let body_len = match body_len {
            Some(body_len) => body_len,
            None if status == 204 => 0,
            None => bail!("the answer does not tell its length"),
        };
        ensure!(body_len <= BODY_SIZE_MAX, "the answer is too large");
        Ok(Self { status, body_len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_status_and_length() {
        let head = b"HTTP/1.1 201 Created\r\ncontent-type: application/scim+json\r\nCONTENT-LENGTH: 12\r\n\r\n";
        assert_eq!(head_len(head), Some(head.len()));
        assert_eq!(
            Head::parse(head).expect("it is one"),
            Head {
                status: 201,
                body_len: 12
            }
        );
        assert_eq!(
            Head::parse(b"HTTP/1.1 204 No Content\r\n\r\n").expect("it is one"),
            Head {
                status: 204,
                body_len: 0
            }
        );
    }

    #[test]
    fn what_would_spoil_the_measurement_is_an_error() {
        let heads = [
            "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
        ];
        for head in heads {
            assert!(Head::parse(head.as_bytes()).is_err(), "{head}");
        }
        assert_eq!(head_len(b"HTTP/1.1 200 OK\r\n"), None);
    }
}
