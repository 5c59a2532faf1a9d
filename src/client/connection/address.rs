//! Where connections lead.

use std::sync::Arc;

use http::{HeaderValue, Uri};

use crate::endpoint::Endpoint;
use crate::error::{Error, Result};

/// A store's endpoint in hyper's types, made once.
pub(in crate::client) struct Address {
    endpoint: Endpoint,
    /// Scheme and host, as a connector takes them.
    origin: Arc<Uri>,
    host: HeaderValue,
}

impl Address {
    pub fn new(endpoint: Endpoint) -> Result<Self> {
        let host = endpoint.host();
        let unusable = || Error::config(format!("endpoint: {host} cannot be a host"));
        let origin = Uri::builder().scheme(endpoint.scheme().as_str()).authority(host).path_and_query("/").build();
        Ok(Self {
            origin: origin.map(Arc::new).map_err(|error| unusable().with_source(error))?,
            host: HeaderValue::from_str(host).map_err(|error| unusable().with_source(error))?,
            endpoint,
        })
    }

    pub fn host(&self) -> &str {
        self.endpoint.host()
    }

    /// The value of its Host header.
    pub fn host_header(&self) -> &HeaderValue {
        &self.host
    }

    pub fn origin(&self) -> &Arc<Uri> {
        &self.origin
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}
