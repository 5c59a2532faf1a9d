//! s3lite as a program uses it.

use std::net::SocketAddr;

use bytes::Bytes;
use s3lite::{Store, StoreConfig};

use super::{Call, Client, SMALL};
use crate::Result;

/// One store for all tasks, as it is meant to be used; each has its clone.
pub struct StoreClient {
    store: Store,
    key: String,
    content: Bytes,
}

/// Opens a store that signs.
pub fn open(server: SocketAddr) -> Result<Store> {
    let config = at(server)
        .set("access-key", "AKIAIOSFODNN7EXAMPLE")
        .set("secret-key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    Ok(Store::new(config.build()?)?)
}

/// Opens a store that does not sign, and so hashes nothing.
pub fn open_anonymous(server: SocketAddr) -> Result<Store> {
    Ok(Store::new(at(server).set("anonymous", true).build()?)?)
}

fn at(server: SocketAddr) -> s3lite::StoreConfigBuilder {
    let endpoint = format!("http://{server}");
    StoreConfig::builder().set("bucket", "bucket").set("region", "eu-central-1").set("endpoint", endpoint)
}

impl Client for StoreClient {
    const NAME: &'static str = "s3lite";

    async fn make(server: SocketAddr, count: usize) -> Result<Vec<Self>> {
        let store = open(server)?;
        let content = Bytes::from(vec![b'x'; SMALL]);
        let client = || Self { store: store.clone(), key: format!("size/{SMALL}"), content: content.clone() };
        Ok(std::iter::repeat_with(client).take(count).collect())
    }

    async fn call(&mut self, call: Call) -> Result<()> {
        let key = self.key.as_str();
        match call {
            Call::Put => drop(self.store.put(key, self.content.clone()).await?),
            Call::Get => drop(self.store.get(key).await?.bytes().await?),
            Call::Head => drop(self.store.head(key).await?),
            Call::Delete => drop(self.store.delete(key).await?),
        }
        Ok(())
    }
}
