//! s3lite as a program uses it.

use std::net::SocketAddr;

use bytes::Bytes;
use s3lite::{Store, StoreConfig, StoreConfigBuilder};

use super::dial::dial_unpaced;
use super::{Call, Client, Object, Over};
use crate::Result;
use crate::server::Site;

/// Up to this size a program takes an object whole, beyond it piece by piece.
const WHOLE: usize = 1 << 20;

/// One store for all tasks, as it is meant to be used; each has its clone.
pub struct StoreClient {
    store: Store,
    key: String,
    content: Bytes,
}

/// Opens a store that signs.
pub fn open(site: &Site, over: Over) -> Result<Store> {
    Ok(Store::new(signing(site, over).build()?)?)
}

/// Opens a store that signs, for a stream.
pub fn open_unpaced(site: &Site, over: Over) -> Result<Store> {
    unpaced(signing(site, over), over.server(site))
}

/// Opens a store that does not sign, and so hashes nothing, for a stream.
pub fn open_anonymous(site: &Site, over: Over) -> Result<Store> {
    unpaced(at(site, over).set("anonymous", true), over.server(site))
}

fn unpaced(config: StoreConfigBuilder, server: SocketAddr) -> Result<Store> {
    Ok(Store::dialed_by(config.build()?, move |_| dial_unpaced(server))?)
}

fn signing(site: &Site, over: Over) -> StoreConfigBuilder {
    at(site, over)
        .set("access-key", "AKIAIOSFODNN7EXAMPLE")
        .set("secret-key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
}

fn at(site: &Site, over: Over) -> StoreConfigBuilder {
    let config = StoreConfig::builder().set("bucket", "bucket").set("region", "eu-central-1");
    match over {
        Over::Http => config.set("endpoint", format!("http://{}", site.http())),
        Over::Https(roots) => config
            .set("endpoint", format!("https://{}", site.https()))
            .set("tls.ca-file", site.authority.display().to_string())
            .set("tls.roots", roots.name()),
    }
}

impl Client for StoreClient {
    const NAME: &'static str = "s3lite";

    async fn make(site: &Site, count: usize, object: Object) -> Result<Vec<Self>> {
        let store = open(site, Over::Http)?;
        let content = Bytes::from(vec![b'x'; object.size]);
        let client = || Self { store: store.clone(), key: object.key(), content: content.clone() };
        Ok(std::iter::repeat_with(client).take(count).collect())
    }

    async fn call(&mut self, call: Call) -> Result<()> {
        let key = self.key.as_str();
        match call {
            Call::Put => drop(self.store.put(key, self.content.clone()).await?),
            Call::Get if self.content.len() <= WHOLE => drop(self.store.get(key).await?.bytes().await?),
            Call::Get => read_to_end(&self.store, key, self.content.len() as u64).await?,
            Call::Head => drop(self.store.head(key).await?),
            Call::Delete => drop(self.store.delete(key).await?),
        }
        Ok(())
    }
}

/// Reads an object piece by piece, and drops the pieces.
pub async fn read_to_end(store: &Store, key: &str, length: u64) -> Result<()> {
    let mut object = store.get(key).await?;
    let mut read = 0;
    while let Some(bytes) = object.chunk().await? {
        read += bytes.len() as u64;
    }
    if read == length { Ok(()) } else { Err(format!("{read} of {length} bytes came").into()) }
}
