//! The addresses of a name, those that failed lately last: the next attempt takes another one.
//!
//! hyper-util's connector takes the first address that accepts. One that accepts and then closes, or never answers, would be
//! taken again by every attempt.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tokio::time::Instant;
use tower_service::Service;

/// How long an address is taken for a bad one.
const REMEMBERED: Duration = Duration::from_secs(60);

/// The addresses at which something went wrong lately. Clones share them.
#[derive(Clone, Default)]
pub(in crate::client) struct Suspects(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    failed: Vec<(IpAddr, Instant)>,
    /// The addresses that were given out last, in their order.
    given: Vec<IpAddr>,
}

impl Suspects {
    /// Takes note that an exchange with an address failed.
    pub fn add(&self, address: IpAddr, now: Instant) {
        let mut known = self.known();
        known.failed.retain(|(other, at)| *other != address && now.saturating_duration_since(*at) < REMEMBERED);
        known.failed.push((address, now));
    }

    /// Takes note that an address took a connection. Those of its family that stood before it did not.
    pub fn passed_over(&self, taken: IpAddr, now: Instant) {
        let before: Vec<_> = {
            let known = self.known();
            let before = known.given.iter().take_while(|address| **address != taken);
            before.filter(|address| address.is_ipv4() == taken.is_ipv4()).copied().collect()
        };
        for address in before {
            self.add(address, now);
        }
    }

    /// Puts those that failed last, the latest at the end.
    fn sort(&self, addresses: &mut [SocketAddr], now: Instant) {
        let mut known = self.known();
        known.failed.retain(|(_, at)| now.saturating_duration_since(*at) < REMEMBERED);
        addresses.sort_by_key(|address| {
            let failed = known.failed.iter().position(|(failed, _)| *failed == address.ip());
            failed.map_or(0, |position| position + 1)
        });
        known.given = addresses.iter().map(SocketAddr::ip).collect();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // No line above panics between two changes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finds a name's addresses anew for each connection, by asking the operating system.
#[derive(Clone)]
pub(in crate::client) struct Resolver(pub Suspects);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let suspects = self.0.clone();
        Box::pin(async move {
            let mut addresses: Vec<_> = GaiResolver::new().call(name).await?.collect();
            suspects.sort(&mut addresses, Instant::now());
            Ok(addresses.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(suspects: &Suspects, now: Instant) -> Vec<String> {
        let mut addresses: Vec<SocketAddr> =
            ["127.0.0.1:1", "127.0.0.2:1", "127.0.0.3:1"].map(|text| text.parse().expect("an address")).to_vec();
        suspects.sort(&mut addresses, now);
        addresses.iter().map(|address| address.ip().to_string()).collect()
    }

    #[test]
    fn those_that_failed_come_last_for_a_minute() {
        let (suspects, now) = (Suspects::default(), Instant::now());
        let ip = |last| IpAddr::from([127, 0, 0, last]);
        assert_eq!(sorted(&suspects, now), ["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
        suspects.add(ip(1), now);
        assert_eq!(sorted(&suspects, now), ["127.0.0.2", "127.0.0.3", "127.0.0.1"]);
        suspects.add(ip(2), now + Duration::from_secs(1));
        assert_eq!(sorted(&suspects, now + Duration::from_secs(1)), ["127.0.0.3", "127.0.0.1", "127.0.0.2"]);
        assert_eq!(sorted(&suspects, now + REMEMBERED), ["127.0.0.1", "127.0.0.3", "127.0.0.2"]);
    }

    #[test]
    fn those_that_took_no_connection_come_last() {
        let (suspects, now) = (Suspects::default(), Instant::now());
        sorted(&suspects, now);
        suspects.passed_over(IpAddr::from([127, 0, 0, 2]), now);
        assert_eq!(sorted(&suspects, now), ["127.0.0.2", "127.0.0.3", "127.0.0.1"]);
        suspects.passed_over(IpAddr::from([127, 0, 0, 2]), now);
        assert_eq!(sorted(&suspects, now), ["127.0.0.2", "127.0.0.3", "127.0.0.1"]);
    }
}
