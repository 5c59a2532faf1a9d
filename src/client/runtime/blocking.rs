//! The runtime that a store needs: demanded before anything would panic for want of it, and its threads for what blocks.

use tokio::runtime::Handle;
use tokio::task::{JoinError, spawn_blocking};

use crate::error::{Error, ErrorKind, Result};

/// Without a runtime tokio and hyper would panic somewhere deep inside. One without its timers or its I/O driver still does:
/// tokio cannot be asked for them.
pub(in crate::client) fn demand_runtime() -> Result<()> {
    match Handle::try_current() {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(Error::config("s3lite works inside a Tokio runtime, and there is none here").with_source(error))
        }
    }
}

/// Runs what blocks off the reactor.
pub(in crate::client) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    demand_runtime()?;
    let ended = |error: JoinError| {
        let why = if error.is_panic() { "work on a file panicked" } else { "the runtime is shutting down" };
        Error::new(ErrorKind::Other, why).with_source(error)
    };
    spawn_blocking(work).await.map_err(ended)?
}
