//! A proxy that injects faults into connections to the database, chosen by a seed.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinHandle;
use url::Url;

/// A proxy on a port of the loopback. Its server can be replaced while it runs.
#[derive(Debug)]
pub struct FaultyProxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    socket: Mutex<PathBuf>,
    seed: u64,
    decisions: AtomicU64,
    injects: AtomicBool,
    counts: [AtomicU64; 4],
}

/// What happens to a message of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The connection ends before the message arrives.
    Before,
    /// Half of the message arrives, and the connection ends.
    Halfway,
    /// The message arrives, and the connection ends in place of the answer.
    After,
    /// The message arrives, and no answer ever comes back.
    Silence,
}

impl FaultyProxy {
    /// Starts a proxy in front of the server of a database URL with a socket.
    ///
    /// # Errors
    /// When the URL names no socket, or no port is free.
    pub async fn start(database_url: &str, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            socket: Mutex::new(socket_of(database_url)?),
            seed,
            decisions: AtomicU64::new(0),
            injects: AtomicBool::new(false),
            counts: Default::default(),
        });
        let serving = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, Arc::clone(&serving)));
            }
        });
        Ok(Self { port, shared, accepting })
    }

    /// The URL of the same database and role through the proxy.
    ///
    /// # Errors
    /// When the text is not a URL.
    pub fn url(&self, database_url: &str) -> Result<String> {
        let url = Url::parse(database_url)?;
        Ok(format!("postgres://{}@127.0.0.1:{}{}", url.username(), self.port, url.path()))
    }

    /// Sends new connections to another server.
    ///
    /// # Errors
    /// When the URL names no socket.
    pub fn redirect(&self, database_url: &str) -> Result<()> {
        *self.shared.socket.lock().unwrap_or_else(PoisonError::into_inner) = socket_of(database_url)?;
        Ok(())
    }

    /// Injects faults from now on, or no more.
    pub fn inject(&self, injects: bool) {
        self.shared.injects.store(injects, Ordering::SeqCst);
    }

    /// The numbers of cuts before, halfway and after a message, and of silences.
    #[must_use]
    pub fn faults(&self) -> [u64; 4] {
        self.shared.counts.each_ref().map(|count| count.load(Ordering::SeqCst))
    }
}

impl Drop for FaultyProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn socket_of(database_url: &str) -> Result<PathBuf> {
    let url = Url::parse(database_url)?;
    let folder = url.query_pairs().find(|(key, _)| key == "host").context("a URL with a socket")?.1;
    Ok(PathBuf::from(&*folder).join(format!(".s.PGSQL.{}", url.port().unwrap_or(5432))))
}

impl Shared {
    /// Decides on a message: every 30th COMMIT and every 500th other message meets a fault.
    fn decide(&self, message: &[u8]) -> Option<Fault> {
        if !self.injects.load(Ordering::SeqCst) {
            return None;
        }
        let mut x =
            self.seed ^ self.decisions.fetch_add(1, Ordering::SeqCst).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
        let commits = message.windows(7).any(|window| window == b"COMMIT\0");
        if !x.is_multiple_of(if commits { 30 } else { 500 }) {
            return None;
        }
        // Only commits meet silence: nobody limits the wait when the driver's pool takes a connection back.
        let kind = usize::try_from((x >> 32) % if commits { 4 } else { 3 }).unwrap_or_default();
        if let Some(count) = self.counts.get(kind) {
            count.fetch_add(1, Ordering::SeqCst);
        }
        [Fault::Before, Fault::Halfway, Fault::After, Fault::Silence].get(kind).copied()
    }
}

async fn serve(client: TcpStream, shared: Arc<Shared>) -> Result<()> {
    client.set_nodelay(true)?;
    let socket = shared.socket.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = UnixStream::connect(socket).await?.into_split();
    let (cut, silent) = (AtomicBool::new(false), AtomicBool::new(false));
    let requests = async {
        let mut buffer = vec![0; 16 << 10];
        while let Some(message) = read(&mut from_client, &mut buffer).await? {
            match shared.decide(message) {
                None => to_server.write_all(message).await?,
                Some(Fault::Before) => return Ok(()),
                Some(Fault::Halfway) => {
                    let half = message.get(..message.len() / 2).unwrap_or_default();
                    return Ok(to_server.write_all(half).await?);
                }
                Some(Fault::After) => {
                    cut.store(true, Ordering::SeqCst);
                    to_server.write_all(message).await?;
                }
                Some(Fault::Silence) => {
                    silent.store(true, Ordering::SeqCst);
                    to_server.write_all(message).await?;
                }
            }
        }
        anyhow::Ok(())
    };
    let answers = async {
        let mut buffer = vec![0; 16 << 10];
        while let Some(message) = read(&mut from_server, &mut buffer).await? {
            if cut.load(Ordering::SeqCst) {
                return Ok(());
            }
            if !silent.load(Ordering::SeqCst) {
                to_client.write_all(message).await?;
            }
        }
        if silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        anyhow::Ok(())
    };
    tokio::select! { ended = requests => ended, ended = answers => ended }
}

async fn read<'b>(from: &mut (impl AsyncRead + Unpin), buffer: &'b mut [u8]) -> Result<Option<&'b [u8]>> {
    let length = from.read(buffer).await?;
    Ok(buffer.get(..length).filter(|read| !read.is_empty()))
}
