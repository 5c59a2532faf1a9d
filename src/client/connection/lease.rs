//! A connection in use, and the permit to have it.

use tokio::time::Instant;

use crate::client::connection::permits::Permit;
use crate::client::connection::pool::Connection;

/// A connection in use, and the permit to have it.
pub(in crate::client) struct Lease {
    /// Both until the lease ends.
    connection: Option<Connection>,
    permit: Option<Permit>,
}

impl Lease {
    pub fn new(connection: Connection, permit: Permit) -> Self {
        Self { connection: Some(connection), permit: Some(permit) }
    }

    pub fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("a lease has its connection until it ends")
    }

    /// Gives both back; the connection is idle from now on.
    pub fn end(mut self, now: Instant) {
        // In this order: whoever waits for the permit finds the connection, if they are of one runtime.
        self.connection = self.connection.take().and_then(|connection| connection.keep(now).err());
        if self.connection.is_none() {
            drop(self.permit.take());
        }
    }

    /// Returns another handle to the permit.
    pub fn share_permit(&mut self) -> Option<Permit> {
        let (kept, given) = self.permit.take()?.share();
        self.permit = Some(kept);
        Some(given)
    }

    /// Ends the connection, and returns the permit for another one.
    pub fn into_permit(mut self) -> Option<Permit> {
        drop(self.connection.take());
        self.permit.take()
    }
}

impl Drop for Lease {
    /// The connection ends; the permit is given back once its socket is closed. In a runtime that stands still that may be never, so
    /// from elsewhere it is given back at once.
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if let Some(permit) = self.permit.take().filter(|_| connection.is_driven_here()) {
            connection.wire().keep_until_closed(permit);
        }
    }
}
