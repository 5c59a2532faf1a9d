//! Where the server is, and whom to trust there.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::Result;

/// The server's ports on loopback, and the file with its certificate.
#[derive(Clone)]
pub struct Site {
    pub http: u16,
    pub https: u16,
    pub authority: PathBuf,
}

impl Site {
    pub fn http(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.http))
    }

    pub fn https(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.https))
    }

    /// Tells a child of this process where the server is.
    pub fn to_arguments(&self) -> [OsString; 3] {
        [self.http.to_string().into(), self.https.to_string().into(), self.authority.clone().into()]
    }

    pub fn from_arguments(arguments: &[String]) -> Result<Self> {
        let [http, https, authority] = arguments else { return Err("where is the server?".into()) };
        Ok(Self { http: http.parse()?, https: https.parse()?, authority: authority.into() })
    }
}
