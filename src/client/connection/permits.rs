//! Who may have a connection: `max-connections` requests at a time, the objects being read among them.
//!
//! An object that is read holds its place until its end. What reads it may be another request of the same store, a copy for
//! example; so objects never take the last places, and a copy always finds one to put with.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// One place in so many is kept from objects.
const KEPT_SHARE: usize = 4;

/// The places of a store.
#[derive(Clone)]
pub(in crate::client) struct Permits {
    all: Arc<Semaphore>,
    /// How many of them may be held by objects.
    objects: Arc<Semaphore>,
    count: usize,
}

/// What a place is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Use {
    /// A request whose answer is read at once.
    Request,
    /// An object, which its caller reads.
    Object,
}

/// A place. It is free again once the permit, and every other handle to it, is dropped.
pub(in crate::client) struct Permit(Handle);

enum Handle {
    Only(Place),
    Shared(Arc<Place>),
}

/// Declared in this order: whoever waits for an object's place finds one among all.
struct Place {
    _one: OwnedSemaphorePermit,
    _object: Option<OwnedSemaphorePermit>,
}

impl Permits {
    /// Makes `max-connections` places. Of a single one, none can be kept.
    pub fn new(count: usize) -> Self {
        let for_objects = (count - (count / KEPT_SHARE).max(1)).max(1);
        Self { all: Arc::new(Semaphore::new(count)), objects: Arc::new(Semaphore::new(for_objects)), count }
    }

    /// Takes a place if one is free and nobody waits for it.
    pub fn try_take(&self, purpose: Use) -> Option<Permit> {
        let object = match purpose {
            Use::Request => None,
            Use::Object => Some(self.objects.clone().try_acquire_owned().ok()?),
        };
        let one = self.all.clone().try_acquire_owned().ok()?;
        Some(Permit(Handle::Only(Place { _one: one, _object: object })))
    }

    /// Waits for a place in turn; `None` if none became free in time.
    pub async fn take(&self, purpose: Use, limit: Duration) -> Option<Permit> {
        timeout(limit, self.next(purpose)).await.ok()
    }

    async fn next(&self, purpose: Use) -> Permit {
        // In this order: who holds one of all places waits for nothing.
        let object = match purpose {
            Use::Request => None,
            Use::Object => Some(next(&self.objects).await),
        };
        Permit(Handle::Only(Place { _one: next(&self.all).await, _object: object }))
    }

    /// How many places are taken.
    pub fn taken(&self) -> usize {
        self.count - self.all.available_permits().min(self.count)
    }

    /// How many places there are.
    pub fn count(&self) -> usize {
        self.count
    }
}

async fn next(places: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    places.clone().acquire_owned().await.expect("the semaphore is never closed")
}

impl Permit {
    /// Makes another handle to the same place: a download that goes on over a new connection keeps its place meanwhile.
    pub fn share(self) -> (Self, Self) {
        let place = match self.0 {
            Handle::Only(place) => Arc::new(place),
            Handle::Shared(place) => place,
        };
        (Self(Handle::Shared(place.clone())), Self(Handle::Shared(place)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_leave_places_for_what_drains_them() {
        for (max_connections, objects, places) in [(1, 1, 1), (2, 1, 2), (4, 3, 4), (128, 96, 128)] {
            let permits = Permits::new(max_connections);
            let held: Vec<_> = std::iter::from_fn(|| permits.try_take(Use::Object)).collect();
            assert_eq!(held.len(), objects, "{max_connections}");
            let requests = std::iter::from_fn(|| permits.try_take(Use::Request)).collect::<Vec<_>>();
            assert_eq!((held.len() + requests.len(), permits.taken()), (places, places), "{max_connections}");
            drop((held, requests));
            assert_eq!(permits.taken(), 0);
        }
    }

    #[test]
    fn a_shared_place_is_free_once_every_handle_is_dropped() {
        let permits = Permits::new(2);
        let (one, other) = permits.try_take(Use::Object).expect("a place").share();
        let (other, third) = other.share();
        drop((one, third));
        assert!(permits.try_take(Use::Object).is_none());
        drop(other);
        assert!(permits.try_take(Use::Object).is_some());
    }
}
