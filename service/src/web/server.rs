//! A server with limits of time and of connections.

mod body;
mod connection;
mod places;
pub(super) mod signals;

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum_core::body::Body;
use axum_core::response::Response;
use futures_util::{Stream, StreamExt};
use http::Request;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower_service::Service;

use self::places::Places;

/// An HTTP/1 server that no client can keep busy for long, for an application on axum.
///
/// `axum::serve` waits without limit for headers, bodies and the end of connections. This server closes connections that
/// are slow or idle, accepts a limited number of them, and ends within a limited time.
///
/// ```no_run
/// use std::net::SocketAddr;
///
/// use axum::Router;
/// use tokio::net::TcpListener;
/// use watertight::web::{Server, shutdown_signals};
///
/// # async fn example(router: Router) -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:3000").await?;
/// let service = router.into_make_service_with_connect_info::<SocketAddr>();
/// Server::new().serve(listener, service, shutdown_signals()?).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use = "a server does nothing until it serves"]
pub struct Server {
    header_timeout: Duration,
    body_timeout: Duration,
    connection_age: Duration,
    connections: usize,
    connections_of_address: Option<usize>,
    shutdown_timeout: Duration,
}

/// The end of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// Every request was answered.
    Complete,
    /// Connections were closed before their requests were answered.
    ///
    /// The time for the shutdown was over, or a second signal asked for it.
    Cut {
        /// The number of these connections.
        connections: usize,
    },
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// A server with the default limits.
    ///
    /// ```
    /// use std::time::Duration;
    /// use watertight::web::Server;
    ///
    /// // A proxy keeps its connections open, and needs no more than ten seconds for a body.
    /// let server = Server::new()
    ///     .header_timeout(Duration::from_mins(2))
    ///     .body_timeout(Duration::from_secs(10))
    ///     .connection_age(Duration::from_hours(1));
    /// ```
    pub const fn new() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            connection_age: Duration::from_mins(5),
            connections: 1_024,
            connections_of_address: None,
            shutdown_timeout: Duration::from_secs(20),
        }
    }

    /// The time for the headers of a request, and for an idle connection; 10 seconds by default.
    ///
    /// ```
    /// use std::time::Duration;
    /// use watertight::web::Server;
    ///
    /// let server = Server::new().header_timeout(Duration::from_secs(75));
    /// ```
    pub const fn header_timeout(mut self, timeout: Duration) -> Self {
        self.header_timeout = timeout;
        self
    }

    /// The time for the body of a request, after its headers; 30 seconds by default.
    ///
    /// A later body is answered with 408.
    ///
    /// ```
    /// use std::time::Duration;
    /// use watertight::web::Server;
    ///
    /// // Uploads over slow lines.
    /// let server = Server::new().body_timeout(Duration::from_mins(10));
    /// ```
    pub const fn body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }

    /// The age at which a connection ends, between two requests; 5 minutes by default.
    ///
    /// The request that it serves then has as long as [`body_timeout`](Self::body_timeout), which also ends clients that do
    /// not read their responses.
    ///
    /// ```
    /// use std::time::Duration;
    /// use watertight::web::Server;
    ///
    /// // Streams of events that last for a working day.
    /// let server = Server::new().connection_age(Duration::from_hours(10));
    /// ```
    pub const fn connection_age(mut self, age: Duration) -> Self {
        self.connection_age = age;
        self
    }

    /// The largest number of open connections; 1,024 by default. Further clients wait until one is closed.
    ///
    /// ```
    /// use watertight::web::Server;
    ///
    /// // Fewer than the files that the process may open.
    /// let server = Server::new().connections(10_000);
    /// ```
    pub const fn connections(mut self, limit: usize) -> Self {
        self.connections = limit;
        self
    }

    /// The largest number of open connections of one [network](crate::web::network); `None`, the default, for no limit.
    ///
    /// Further connections are closed at once. Behind a proxy all connections have the address of the proxy.
    ///
    /// ```
    /// use watertight::web::Server;
    ///
    /// // Browsers open six connections, and an office shares an address.
    /// let server = Server::new().connections_of_address(Some(100));
    /// ```
    pub const fn connections_of_address(mut self, limit: Option<usize>) -> Self {
        self.connections_of_address = limit;
        self
    }

    /// The time between the first signal to end and the end; 20 seconds by default.
    ///
    /// ```
    /// use std::time::Duration;
    /// use watertight::web::Server;
    ///
    /// // Less than the 30 seconds after which Kubernetes kills a container.
    /// let server = Server::new().shutdown_timeout(Duration::from_secs(25));
    /// ```
    pub const fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Serves an application until it is told to end.
    ///
    /// The first signal closes the listener and the idle connections, and lets the others answer their request. The second
    /// signal closes them at once.
    ///
    /// # Errors
    /// An error of the listener that is not one of a single connection. When the process has too many open files, the
    /// server waits for a second and goes on.
    pub async fn serve<M, S>(
        self,
        listener: TcpListener,
        mut application: M,
        signals: impl Stream<Item = ()>,
    ) -> io::Result<Ended>
    where
        M: Service<SocketAddr, Response = S, Error = Infallible>,
        S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
    {
        let mut signals = std::pin::pin!(signals);
        let places = Places::new(self.connections, self.connections_of_address);
        let (ending, _) = watch::channel(false);
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            let next = async {
                let permit = places.wait().await?;
                let (stream, peer) = accept(&listener).await?;
                io::Result::Ok((permit, stream, peer))
            };
            let (permit, stream, peer) = tokio::select! {
                biased;
                () = signal(&mut signals) => break,
                next = next => next?,
            };
            let Some(place) = places.take(permit, peer.ip()) else { continue };
            let Ok(service) = application.call(peer).await;
            let connection = connection::serve(self, stream, service, ending.subscribe());
            connections.spawn(async move {
                connection.await;
                drop(place);
            });
        }
        drop(listener);
        ending.send_replace(true);
        let all_closed = async { while connections.join_next().await.is_some() {} };
        tokio::select! {
            () = all_closed => return Ok(Ended::Complete),
            () = sleep(self.shutdown_timeout) => {}
            () = signal(&mut signals) => {}
        }
        let open = connections.len();
        connections.shutdown().await;
        Ok(Ended::Cut { connections: open })
    }
}

/// Waits for a signal. A stream that has ended gives none.
async fn signal(signals: &mut (impl Stream<Item = ()> + Unpin)) {
    if signals.next().await.is_none() {
        pending::<()>().await;
    }
}

async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    loop {
        match listener.accept().await {
            Ok(accepted) => return Ok(accepted),
            // The client closed its connection before it was accepted.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) if is_exhausted(&error) => {
                tracing::error!(%error, "no connection can be accepted");
                sleep(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Too many open files, of the process or of the system, or no memory for one more. The codes are those of Unix.
fn is_exhausted(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    matches!(error.raw_os_error(), Some(ENFILE | EMFILE)) || error.kind() == io::ErrorKind::OutOfMemory
}
