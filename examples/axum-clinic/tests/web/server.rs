//! No client keeps the server busy for long, and it ends when it is told to.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::routing::{get, post};
use futures_util::stream::unfold;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use watertight::web::{Ended, Server};

use crate::world::World;

const SHORT: Duration = Duration::from_millis(300);
/// Longer than any limit of these tests, and shorter than the limits that they do not set.
const SOON: Duration = Duration::from_secs(5);

struct Running {
    address: SocketAddr,
    signals: UnboundedSender<()>,
    task: JoinHandle<std::io::Result<Ended>>,
}

impl Running {
    async fn start(server: Server) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (signals, receiver) = unbounded_channel();
        let stream =
            unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|()| ((), receiver)) });
        let routes = Router::new()
            .route("/", get(async || "here"))
            .route("/echo", post(async |body: String| body))
            .route(
                "/slow",
                get(async || {
                    sleep(SHORT).await;
                    "done"
                }),
            )
            .route("/never", get(async || sleep(Duration::from_mins(10)).await));
        let service = routes.into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(server.serve(listener, service, stream));
        Ok(Self { address, signals, task })
    }

    async fn open(&self, sent: &str) -> Result<TcpStream> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(sent.as_bytes()).await?;
        Ok(stream)
    }

    async fn end(self) -> Result<(Ended, Duration)> {
        let since = Instant::now();
        self.signals.send(())?;
        let ended = timeout(SOON, self.task).await???;
        Ok((ended, since.elapsed()))
    }
}

/// Everything that the server sends until it closes the connection.
async fn rest(stream: &mut TcpStream) -> Result<String> {
    let mut text = Vec::new();
    match timeout(SOON, stream.read_to_end(&mut text)).await.context("the connection stays open")? {
        Ok(_) => {}
        // The server closed with bytes unread.
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => return Err(error.into()),
    }
    Ok(String::from_utf8(text)?)
}

/// One response on a connection that stays open.
async fn answer(stream: &mut TcpStream) -> Result<String> {
    let (mut text, mut some) = (String::new(), [0; 1024]);
    while !text.ends_with("here") {
        let read = timeout(SOON, stream.read(&mut some)).await??;
        ensure!(read > 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&some[..read])?);
    }
    Ok(text)
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HALF_BODY: &str = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf";

#[tokio::test]
async fn slow_headers_and_idle_connections_are_closed() -> Result<()> {
    let running = Running::start(Server::new().header_timeout(SHORT)).await?;
    for begun in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n"] {
        let since = Instant::now();
        let mut stream = running.open(begun).await?;
        let told = rest(&mut stream).await?;
        assert!(!told.contains("200") && since.elapsed() >= SHORT, "{begun:?}: {told}");
    }
    let mut idle = running.open(GET).await?;
    assert!(answer(&mut idle).await?.contains("200 OK"));
    sleep(SHORT / 2).await;
    idle.write_all(GET.as_bytes()).await?;
    assert!(answer(&mut idle).await?.contains("200 OK"), "in use");
    assert_eq!(rest(&mut idle).await?, "", "idle");
    let mut dribbling = running.open("GET / HTTP/1.1\r\n").await?;
    let closed = async {
        while dribbling.write_all(b"X-A: b\r\n").await.is_ok() {
            sleep(SHORT / 6).await;
        }
    };
    timeout(SOON, closed).await.context("one header after another")?;
    Ok(())
}

#[tokio::test]
async fn slow_bodies_are_refused() -> Result<()> {
    let running = Running::start(Server::new().body_timeout(SHORT)).await?;
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    for begun in [HALF_BODY, chunked, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"] {
        let mut stream = running.open(begun).await?;
        let told = rest(&mut stream).await?;
        assert!(told.starts_with("HTTP/1.1 408"), "{begun:?}: {told}");
    }
    let mut stream = running.open("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n").await?;
    let (mut reading, mut writing) = stream.split();
    let dribble = async {
        while writing.write_all(b"x").await.is_ok() {
            sleep(SHORT / 10).await;
        }
    };
    let mut first = [0; 12];
    let told = async { timeout(SOON, reading.read_exact(&mut first)).await };
    tokio::select! {
        () = dribble => anyhow::bail!("closed without an answer"),
        told = told => told??,
    };
    assert_eq!(&first, b"HTTP/1.1 408");
    let quick = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nConnection: close\r\n\r\nhere";
    assert!(rest(&mut running.open(quick).await?).await?.ends_with("here"));
    Ok(())
}

#[tokio::test]
async fn old_connections_end_and_clients_beyond_the_limit_wait() -> Result<()> {
    let running =
        Running::start(Server::new().connection_age(SHORT).body_timeout(SHORT).connections(2)).await?;
    let since = Instant::now();
    let mut first = running.open(GET).await?;
    answer(&mut first).await?;
    let mut never = running.open("GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    let mut third = running.open(GET).await?;
    assert!(answer(&mut third).await?.contains("200 OK"));
    assert!(since.elapsed() >= SHORT, "once the first has ended");
    assert_eq!(rest(&mut first).await?, "");
    assert_eq!(rest(&mut never).await?, "", "it had its time");
    assert!(since.elapsed() >= 2 * SHORT);
    Ok(())
}

#[tokio::test]
async fn an_address_has_a_limit_of_its_own() -> Result<()> {
    let running = Running::start(Server::new().connections_of_address(Some(2))).await?;
    let mut open = [running.open(GET).await?, running.open(GET).await?];
    for stream in &mut open {
        answer(stream).await?;
    }
    assert_eq!(rest(&mut running.open("").await?).await?, "", "closed at once");
    drop(open);
    for _ in 0..100 {
        let mut again = running.open(GET).await?;
        if answer(&mut again).await.is_ok() {
            return Ok(());
        }
        sleep(SHORT / 10).await;
    }
    anyhow::bail!("the places are not free again")
}

#[tokio::test]
async fn the_first_signal_lets_requests_end() -> Result<()> {
    let running = Running::start(Server::new()).await?;
    let mut idle = running.open(GET).await?;
    answer(&mut idle).await?;
    let mut slow = running.open("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    sleep(SHORT / 3).await;
    let address = running.address;
    let (ended, _) = running.end().await?;
    assert_eq!(ended, Ended::Complete);
    assert!(rest(&mut slow).await?.ends_with("done"));
    assert_eq!(rest(&mut idle).await?, "");
    assert!(TcpStream::connect(address).await.is_err());
    Ok(())
}

#[tokio::test]
async fn an_unfinished_request_does_not_hold_the_end_up() -> Result<()> {
    let running = Running::start(Server::new().shutdown_timeout(SHORT)).await?;
    let mut half = running.open(HALF_BODY).await?;
    let mut never = running.open("GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    sleep(SHORT / 3).await;
    let (ended, after) = running.end().await?;
    assert_eq!(ended, Ended::Cut { connections: 2 });
    assert!(after >= SHORT, "{after:?}");
    assert_eq!((rest(&mut half).await?, rest(&mut never).await?), (String::new(), String::new()));
    Ok(())
}

#[tokio::test]
async fn the_second_signal_ends_at_once() -> Result<()> {
    let running = Running::start(Server::new()).await?;
    let _half = running.open(HALF_BODY).await?;
    sleep(SHORT / 3).await;
    running.signals.send(())?;
    sleep(SHORT).await;
    assert!(!running.task.is_finished(), "the first waits for the request");
    let (ended, after) = running.end().await?;
    assert_eq!(ended, Ended::Cut { connections: 1 });
    assert!(after < SOON / 2, "{after:?}");
    Ok(())
}

/// The program itself, killed on drop.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn send_signal(program: &Program, signal: &str) -> Result<()> {
    let sent = Command::new("kill").args([signal, &program.0.id().to_string()]).status()?;
    ensure!(sent.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_ends_with_two_signals_and_a_request_unfinished() -> Result<()> {
    let world = World::open().await?;
    let folder = tempfile::tempdir()?;
    let file = |name: &str, content: &str| -> Result<String> {
        let path = folder.path().join(name);
        std::fs::File::create(&path)?.write_all(content.as_bytes())?;
        Ok(path.display().to_string())
    };
    let hosts = format!(r#"{{"clinic.localhost": "{}"}}"#, world.clinic.tenant_id());
    let process = Command::new(env!("CARGO_BIN_EXE_watertight-axum-clinic"))
        .args(["--listen", "127.0.0.1:0", "--hosts", &file("hosts", &hosts)?])
        .args(["--signing-key", &file("key", &"k".repeat(32))?, "--passphrase", &file("phrase", "a phrase")?])
        .env("DATABASE_URL", world.app_url())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut program = Program(process);
    let mut lines = BufReader::new(program.0.stdout.take().context("its output")?).lines();
    let first = lines.next().context("a line")??;
    let address: SocketAddr = first.strip_prefix("listening at ").context(first.clone())?.parse()?;
    let mut half = TcpStream::connect(address).await?;
    half.write_all(
        b"POST /login HTTP/1.1\r\nHost: clinic.localhost\r\nSec-Fetch-Site: same-origin\r\n\
                     Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nname=",
    )
    .await?;
    sleep(SHORT).await;
    send_signal(&program, "-TERM")?;
    sleep(SHORT).await;
    ensure!(program.0.try_wait()?.is_none(), "the first waits for the request");
    send_signal(&program, "-INT")?;
    for _ in 0..100 {
        if let Some(status) = program.0.try_wait()? {
            ensure!(status.success(), "{status}");
            assert_eq!(lines.next().context("a line")??, "ended, 1 connections were closed unanswered");
            return Ok(());
        }
        sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("the program does not end")
}
