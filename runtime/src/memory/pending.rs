//! What takes its time: answers of models, and stores where nothing may block.

use std::pin::Pin;

use tokio::runtime::Handle;

use super::Error;

/// What is still being worked on.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Does what may block where that is allowed. Without a Tokio runtime nobody else waits for this thread.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let Ok(runtime) = Handle::try_current() else { return work() };
    let stopped = |error| Err(Error::Store { place: "the store".to_owned(), source: Box::new(error) });
    runtime.spawn_blocking(work).await.unwrap_or_else(stopped)
}
