//! The body of a request, with a time limit.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

/// A body that ends with an error when its time is over.
pub(super) struct TimedBody {
    body: Incoming,
    limit: Option<Pin<Box<Sleep>>>,
    is_late: Arc<AtomicBool>,
}

impl TimedBody {
    /// Limits the time of a body from now. The flag is set when the time is over before the body.
    pub(super) fn new(body: Incoming, limit: Duration) -> (Self, Arc<AtomicBool>) {
        let is_late = Arc::new(AtomicBool::new(false));
        let limit = if body.is_end_stream() { None } else { Some(Box::pin(sleep(limit))) };
        (Self { body, limit, is_late: Arc::clone(&is_late) }, is_late)
    }
}

impl Body for TimedBody {
    type Data = <Incoming as Body>::Data;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        // Asked first: a client that sends one byte after another is never asked otherwise.
        if self.limit.as_mut().is_some_and(|limit| limit.as_mut().poll(context).is_ready()) {
            self.is_late.store(true, Ordering::Release);
            return Poll::Ready(Some(Err("the body of the request took too long".into())));
        }
        Pin::new(&mut self.body).poll_frame(context).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
