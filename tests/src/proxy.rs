//! A proxy in front of the test server. It counts round trips, and accepts TCP connections of programs that
//! may not enter the directory of the server's socket.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinHandle;
use url::Url;

/// Listens on a port of the loopback until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    turns: Arc<Turns>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Turns {
    /// The number of times that the client has sent data after an answer of the server.
    taken: AtomicU64,
    servers_was_last: AtomicBool,
    /// True while a connection ends instead of passing an answer of the server on.
    answers_are_lost: AtomicBool,
}

/// The address at which the server of a URL listens.
#[derive(Debug, Clone)]
enum Server {
    Socket(PathBuf),
    Tcp(String, u16),
}

impl Server {
    fn of(url: &Url) -> Result<Self> {
        let port = url.port().unwrap_or(5432);
        match url.query_pairs().find(|(key, _)| key == "host") {
            Some((_, folder)) if folder.starts_with('/') => {
                Ok(Self::Socket(PathBuf::from(&*folder).join(format!(".s.PGSQL.{port}"))))
            }
            _ => Ok(Self::Tcp(url.host_str().context("a URL with a host")?.to_owned(), port)),
        }
    }
}

impl Proxy {
    /// Starts a proxy in front of the server of a database URL.
    ///
    /// # Errors
    /// When the URL names no server, or no port is free.
    pub async fn start(database_url: &str) -> Result<Self> {
        let server = Server::of(&Url::parse(database_url)?)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let turns = Arc::new(Turns::default());
        let counted = Arc::clone(&turns);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, server.clone(), Arc::clone(&counted)));
            }
        });
        Ok(Self { port, turns, accepting })
    }

    /// The port of 127.0.0.1 on which it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The URL of the same database and role through the proxy.
    ///
    /// # Errors
    /// When the text is not a URL.
    pub fn url(&self, database_url: &str) -> Result<String> {
        let url = Url::parse(database_url)?;
        Ok(format!("postgres://{}@127.0.0.1:{}{}", url.username(), self.port, url.path()))
    }

    /// The number of round trips. Each begins when the client sends data after an answer of the server.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.turns.taken.load(Ordering::SeqCst)
    }
}

impl Proxy {
    /// Ends connections in place of the server's answers, from now on or no more. The server has carried out what the
    /// client sent.
    pub fn lose_answers(&self, lost: bool) {
        self.turns.answers_are_lost.store(lost, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(client: TcpStream, server: Server, turns: Arc<Turns>) -> Result<()> {
    client.set_nodelay(true)?;
    let (client_reads, client_writes) = client.into_split();
    match server {
        Server::Socket(path) => {
            let (reads, writes) = UnixStream::connect(path).await?.into_split();
            both_ways(client_reads, client_writes, reads, writes, turns).await;
        }
        Server::Tcp(host, port) => {
            let (reads, writes) = TcpStream::connect((host, port)).await?.into_split();
            both_ways(client_reads, client_writes, reads, writes, turns).await;
        }
    }
    Ok(())
}

async fn both_ways(
    client_reads: impl AsyncRead + Unpin,
    client_writes: impl AsyncWrite + Unpin,
    server_reads: impl AsyncRead + Unpin,
    server_writes: impl AsyncWrite + Unpin,
    turns: Arc<Turns>,
) {
    let from_client = pump(client_reads, server_writes, || {
        if turns.servers_was_last.swap(false, Ordering::SeqCst) {
            turns.taken.fetch_add(1, Ordering::SeqCst);
        }
        true
    });
    let from_server = pump(server_reads, client_writes, || {
        turns.servers_was_last.store(true, Ordering::SeqCst);
        !turns.answers_are_lost.load(Ordering::SeqCst)
    });
    // The connection ends when either side ends it.
    tokio::select! { _ = from_client => {}, _ = from_server => {} }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    passes: impl Fn() -> bool,
) -> Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let length = from.read(&mut buffer).await?;
        let Some(read @ [_, ..]) = buffer.get(..length) else { return Ok(()) };
        if !passes() {
            return Ok(());
        }
        to.write_all(read).await?;
    }
}
