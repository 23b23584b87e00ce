#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

use crate::TestError;

/// The pause after which the connections count as quiet.
const QUIET: Duration = Duration::from_millis(50);

/// A proxy on a port of 127.0.0.1 that counts the round trips to the server.
///
/// A round trip begins when the client sends data after an answer of the server, so statements that are sent together
/// count as one.
///
/// ```no_run
/// # async fn example(database: watertight_testing::TestDatabase, tenant: watertight::TenantId)
/// #     -> Result<(), Box<dyn std::error::Error>> {
/// use sea_orm::ConnectOptions;
/// use watertight::Watertight;
/// use watertight_testing::CountingProxy;
///
/// let proxy = CountingProxy::start(&database.app_url()).await?;
/// let mut options = ConnectOptions::new(proxy.url(&database.app_url())?);
/// // The pool's own ping before each use is no cost of the tested function.
/// options.max_connections(1).test_before_acquire(false);
/// let tenant = Watertight::connect(options).await?.tenant(tenant);
///
/// tenant.ping().await?;
/// let (answer, turns) = proxy.count_round_trips(tenant.ping()).await;
/// assert!(answer.is_ok() && turns == 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CountingProxy {
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
    #[cfg(unix)]
    Socket(PathBuf),
    Tcp(String, u16),
}

impl Server {
    fn of(url: &Url) -> Result<Self, TestError> {
        let port = url.port().unwrap_or(5432);
        match url.query_pairs().find(|(key, _)| key == "host") {
            #[cfg(unix)]
            Some((_, folder)) if folder.starts_with('/') => {
                Ok(Self::Socket(PathBuf::from(&*folder).join(format!(".s.PGSQL.{port}"))))
            }
            Some((_, host)) => Ok(Self::Tcp(host.into_owned(), port)),
            None => match url.host_str() {
                Some(host) => Ok(Self::Tcp(host.to_owned(), port)),
                None => Err(malformed("it names no host")),
            },
        }
    }
}

fn malformed(reason: impl std::fmt::Display) -> TestError {
    TestError::MalformedUrl { variable: "database_url", reason: format!("{reason}") }
}

impl CountingProxy {
    /// Starts a proxy in front of the server of a database URL.
    ///
    /// ```no_run
    /// # async fn example(database: watertight_testing::TestDatabase) -> Result<(), watertight_testing::TestError> {
    /// let proxy = watertight_testing::CountingProxy::start(&database.app_url()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TestError::MalformedUrl`] if the URL names no server, and [`TestError::Io`] if no port is free.
    pub async fn start(database_url: &str) -> Result<Self, TestError> {
        let server = Server::of(&Url::parse(database_url).map_err(malformed)?)?;
        let listener =
            TcpListener::bind("127.0.0.1:0").await.map_err(TestError::io("the start of the proxy"))?;
        let port = listener.local_addr().map_err(TestError::io("the start of the proxy"))?.port();
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
    /// [`TestError::MalformedUrl`] if the text is not the URL of a database.
    pub fn url(&self, database_url: &str) -> Result<String, TestError> {
        let mut url = Url::parse(database_url).map_err(malformed)?;
        let others: Vec<_> = url.query_pairs().into_owned().filter(|(key, _)| key != "host").collect();
        url.set_query(None);
        if !others.is_empty() {
            url.query_pairs_mut().extend_pairs(others);
        }
        url.set_host(Some("127.0.0.1")).map_err(malformed)?;
        url.set_port(Some(self.port)).map_err(|()| malformed("it has no port"))?;
        Ok(url.into())
    }

    /// Runs a future, and returns its output and the number of round trips that it took.
    ///
    /// Connections, statements that are prepared for the first time, and look-ups of types cost round trips of their own:
    /// run the function once before. The pool checks each connection that it takes back: count several statements inside
    /// one transaction. Use one proxy for each test, and a runtime with one thread, as `#[tokio::test]` does.
    ///
    /// ```no_run
    /// # async fn example(proxy: watertight_testing::CountingProxy, tenant: watertight::TenantConnection) {
    /// let (answer, turns) = proxy.count_round_trips(tenant.ping()).await;
    /// assert_eq!((answer.is_ok(), turns), (true, 1));
    /// # }
    /// ```
    pub async fn count_round_trips<F: Future>(&self, work: F) -> (F::Output, u64) {
        let start = self.settled().await;
        let output = work.await;
        (output, self.turns() - start)
    }

    /// Waits until no data has passed for a while, and returns the number of round trips so far.
    pub async fn settled(&self) -> u64 {
        let mut before = self.turns();
        loop {
            tokio::time::sleep(QUIET).await;
            let now = self.turns();
            if now == before {
                return now;
            }
            before = now;
        }
    }

    /// The number of round trips so far.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.turns.taken.load(Ordering::SeqCst)
    }

    /// Ends connections in place of the server's answers, from now on or no more.
    ///
    /// The server has carried out the statement, but the client does not learn it: see
    /// [`is_outcome_unknown`](watertight::is_outcome_unknown).
    pub fn lose_answers(&self, lost: bool) {
        self.turns.answers_are_lost.store(lost, Ordering::SeqCst);
    }
}

impl Drop for CountingProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(client: TcpStream, server: Server, turns: Arc<Turns>) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let (client_reads, client_writes) = client.into_split();
    match server {
        #[cfg(unix)]
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
) -> std::io::Result<()> {
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
