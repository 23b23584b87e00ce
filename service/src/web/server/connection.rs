//! One connection of the server.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::atomic::Ordering;

use axum_core::body::Body;
use axum_core::response::{IntoResponse, Response};
use http::header::CONNECTION;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tower_service::Service;

use super::Server;
use super::body::TimedBody;

/// The largest size of the headers of a request.
const HEADER_BYTES: usize = 64 << 10;

/// Serves the requests of a connection until it is closed, it is old, or the server ends.
pub(super) async fn serve<S>(server: Server, stream: TcpStream, service: S, mut ending: watch::Receiver<bool>)
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    // Without the option small responses wait for the acknowledgment of the ones before.
    stream.set_nodelay(true).ok();
    let answer = hyper::service::service_fn(move |request| answer(server, service.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(server.header_timeout)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => Some(result),
        _ = ending.wait_for(|ending| *ending) => None,
        () = sleep(server.connection_age) => None,
    };
    let result = if let Some(result) = result {
        result
    } else {
        connection.as_mut().graceful_shutdown();
        // The server, when it ends, cuts the connection after its own time.
        match timeout(server.body_timeout, connection).await {
            Ok(result) => result,
            Err(_) => return tracing::debug!("a connection was closed, because it had reached its age"),
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection was closed");
    }
}

async fn answer<S>(server: Server, mut service: S, request: Request<Incoming>) -> Result<Response, Infallible>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible>,
{
    let (parts, body) = request.into_parts();
    let (body, is_late) = TimedBody::new(body, server.body_timeout);
    poll_fn(|context| service.poll_ready(context)).await?;
    let response = service.call(Request::from_parts(parts, Body::new(body))).await?;
    if is_late.load(Ordering::Acquire) {
        let text = "the body of the request took too long";
        return Ok((StatusCode::REQUEST_TIMEOUT, [(CONNECTION, "close")], text).into_response());
    }
    Ok(response)
}
