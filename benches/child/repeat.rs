//! The same GET again and again, for callgrind to count.

use super::runtime;
use crate::Result;
use crate::clients::pooled_hyper::PooledHyper;
use crate::clients::raw_hyper::RawHyper;
use crate::clients::store::StoreClient;
use crate::clients::{Call, Client, Object};
use crate::server::Site;

pub fn run(client: &str, times: u32, site: &Site) -> Result<()> {
    match client {
        "hyper" => runtime()?.block_on(repeat::<RawHyper>(site, times)),
        "hyper-util" => runtime()?.block_on(repeat::<PooledHyper>(site, times)),
        _ => runtime()?.block_on(repeat::<StoreClient>(site, times)),
    }
}

async fn repeat<C: Client>(site: &Site, times: u32) -> Result<()> {
    for client in &mut C::make(site, 1, Object::SMALL).await? {
        for _ in 0..times {
            client.call(Call::Get).await?;
        }
    }
    Ok(())
}
