//! A stand-in for a connection pooler that does not pass the startup parameter `options` on to PostgreSQL.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// The version 3.0 of the protocol, where other first messages have a number of their own.
const PROTOCOL: u32 = 0x0003_0000;

/// A running pooler.
pub struct Pooler {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Ends with the pooler.
    _tasks: JoinSet<()>,
}

impl Pooler {
    /// In front of `host:port`.
    pub async fn start(upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("it is bound");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let upstream = upstream.clone();
                // Whoever notices that a connection has ended is at its ends.
                connections.spawn(async move { pass(near, &upstream).await.is_ok() });
            }
        });
        Self {
            addr,
            _tasks: tasks,
        }
    }
}

async fn pass(mut near: TcpStream, upstream: &str) -> std::io::Result<()> {
    let startup = loop {
        let length = near.read_u32().await?;
        let mut message = vec![0; length as usize - 4];
        near.read_exact(&mut message).await?;
        if message.starts_with(&PROTOCOL.to_be_bytes()) {
            break without_options(&message);
        }
        // It was asked for encryption.
        near.write_all(b"N").await?;
    };
    let mut far = TcpStream::connect(upstream).await?;
    let length = u32::try_from(startup.len() + 4).expect("it is short");
    far.write_u32(length).await?;
    far.write_all(&startup).await?;
    copy_bidirectional(&mut near, &mut far).await.map(drop)
}

/// The message without its length: a number, then names and values, each ended by a zero, and one zero more.
fn without_options(message: &[u8]) -> Vec<u8> {
    let (protocol, parameters) = message.split_at(4);
    let texts: Vec<&[u8]> = parameters.split(|byte| *byte == 0).collect();
    let mut kept = protocol.to_vec();
    for pair in texts.chunks_exact(2).filter(|pair| !pair[0].is_empty()) {
        if pair[0] != b"options" {
            kept.extend([pair[0], b"\0", pair[1], b"\0"].concat());
        }
    }
    kept.push(0);
    kept
}
