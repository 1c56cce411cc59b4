//! A TCP proxy that a test can cut or freeze: how an outage looks from the other side.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// What happens to connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Bytes pass.
    Open,
    /// Connections end, and new ones end at once.
    Cut,
    /// Connections stand, and nothing passes.
    Frozen,
    /// The same for the connections that were there; new ones are open, as after a peer that vanished without a word is back.
    HalfOpen,
    /// What creates passes, and the server does it; but the connection ends when it answers.
    LosingCreates,
}

/// A running proxy.
pub struct Proxy {
    /// Where it listens.
    pub addr: SocketAddr,
    line: watch::Sender<Line>,
    upstream: watch::Sender<String>,
    /// Ends with the proxy.
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// In front of `host:port`.
    pub async fn start(upstream: impl Into<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("it is bound");
        let (line, lines) = watch::channel(Line::Open);
        let (upstream, upstreams) = watch::channel(upstream.into());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                connections.spawn(pass(connection, upstreams.clone(), lines.clone()));
            }
        });
        Self {
            addr,
            line,
            upstream,
            _tasks: tasks,
        }
    }

    /// From now on.
    pub fn set(&self, line: Line) {
        self.line.send_replace(line);
    }

    /// Cuts the line, and returns when no connection is left: what was held back is lost.
    pub async fn cut(&self) {
        self.set(Line::Cut);
        // Every connection has a receiver, and so has the task that accepts them.
        while self.line.receiver_count() > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// New connections go there.
    pub fn set_upstream(&self, upstream: impl Into<String>) {
        self.upstream.send_replace(upstream.into());
    }
}

async fn pass(
    mut near: TcpStream,
    upstream: watch::Receiver<String>,
    mut line: watch::Receiver<Line>,
) {
    let upstream = upstream.borrow().clone();
    let born = *line.borrow();
    let mut far = None;
    loop {
        let now = *line.borrow_and_update();
        match now {
            Line::Cut => return,
            Line::Frozen if line.changed().await.is_err() => return,
            Line::Frozen => {}
            Line::HalfOpen if born != now => {
                if line.changed().await.is_err() {
                    return;
                }
            }
            Line::Open | Line::HalfOpen | Line::LosingCreates => {
                if far.is_none() {
                    far = TcpStream::connect(&upstream).await.ok();
                }
                let Some(far) = &mut far else { return };
                let passed = async {
                    if now == Line::LosingCreates {
                        lose_creates(&mut near, far).await
                    } else {
                        copy_bidirectional(&mut near, far).await.map(drop)
                    }
                };
                tokio::select! {
                    _ = passed => return,
                    changed = line.changed() => if changed.is_err() { return },
                }
            }
        }
    }
}

/// Passes requests and answers, one after the other as HTTP/1.1 has them, until a POST is answered.
async fn lose_creates(near: &mut TcpStream, far: &mut TcpStream) -> std::io::Result<()> {
    let (mut request, mut answer) = (vec![0; 16 << 10], vec![0; 16 << 10]);
    let mut is_create = false;
    loop {
        tokio::select! {
            read = near.read(&mut request) => match read? {
                0 => return Ok(()),
                length => {
                    is_create |= request.starts_with(b"POST ");
                    far.write_all(&request[..length]).await?;
                }
            },
            read = far.read(&mut answer) => match read? {
                0 => return Ok(()),
                _ if is_create => return Ok(()),
                length => near.write_all(&answer[..length]).await?,
            },
        }
    }
}

#[tokio::test]
async fn a_create_is_lost_on_its_way_back_only() {
    let server = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let proxy = Proxy::start(server.local_addr().expect("bound").to_string()).await;
    proxy.set(Line::LosingCreates);
    let mut near = TcpStream::connect(proxy.addr).await.expect("it listens");
    let (mut far, _) = server.accept().await.expect("it is passed on");
    let mut buffer = [0; 5];
    near.write_all(b"GET /").await.expect("it is taken");
    far.read_exact(&mut buffer).await.expect("it arrives");
    far.write_all(b"found").await.expect("it is taken");
    near.read_exact(&mut buffer).await.expect("its answer too");
    near.write_all(b"POST ").await.expect("it is taken");
    far.read_exact(&mut buffer).await.expect("it arrives");
    assert_eq!(&buffer, b"POST ");
    far.write_all(b"made!").await.expect("it is taken");
    assert!(
        !matches!(near.read(&mut buffer).await, Ok(1..)),
        "its answer does not"
    );
}

#[tokio::test]
async fn a_line_can_be_frozen_and_cut() {
    let server = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let proxy = Proxy::start(server.local_addr().expect("bound").to_string()).await;
    let mut near = TcpStream::connect(proxy.addr).await.expect("it listens");
    let (mut far, _) = server.accept().await.expect("it is passed on");
    let mut buffer = [0];
    near.write_all(b"a").await.expect("it is taken");
    far.read_exact(&mut buffer).await.expect("it arrives");
    proxy.set(Line::Frozen);
    near.write_all(b"b").await.expect("it is taken");
    proxy.set(Line::Open);
    far.read_exact(&mut buffer)
        .await
        .expect("it arrives after the thaw");
    assert_eq!(&buffer, b"b");
    proxy.set(Line::HalfOpen);
    near.write_all(b"c").await.expect("it is taken");
    let mut new = TcpStream::connect(proxy.addr).await.expect("it listens");
    let (mut new_far, _) = server.accept().await.expect("it is passed on");
    new.write_all(b"d").await.expect("it is taken");
    new_far.read_exact(&mut buffer).await.expect("it arrives");
    assert_eq!(&buffer, b"d");
    proxy.set(Line::Open);
    far.read_exact(&mut buffer)
        .await
        .expect("it arrives after the thaw");
    assert_eq!(&buffer, b"c");
    proxy.set(Line::Cut);
    assert!(
        !matches!(near.read(&mut buffer).await, Ok(1..)),
        "it has ended"
    );
}
