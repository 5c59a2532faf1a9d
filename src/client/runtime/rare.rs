//! Waits that most requests never make.

use std::future::Future;
use std::pin::Pin;

/// Puts a future that is rarely made into a box. Neither its state nor its code is then in the way of all those that do without:
/// the future of a GET would have twice its size.
#[cold]
#[inline(never)]
pub(in crate::client) fn rare<'a, T>(
    future: impl Future<Output = T> + Send + 'a,
) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> {
    Box::pin(future)
}
