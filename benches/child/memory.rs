//! How much memory a process takes; prints kibibytes.

use std::fs;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use super::runtime;
use crate::Result;
use crate::clients::raw_hyper::{RawHyper, next_piece};
use crate::clients::store::StoreClient;
use crate::clients::{Call, Client, Object, Over, store};
use crate::server::Site;

/// Operations under way at a time, and the size of their objects.
const MANY: usize = 1000;
const MEDIUM: usize = 64 << 10;

/// What a slow consumer reads: a piece now and then, of an object that is far larger than what it reads.
const LARGE: usize = 256 << 20;
const PAUSES: usize = 20;
const PAUSE: Duration = Duration::from_millis(25);

/// Gets many objects at a time, and prints the peak of the process's memory.
pub fn many(client: &str, site: &Site) -> Result<()> {
    match client {
        "s3lite" => runtime()?.block_on(get_many::<StoreClient>(site))?,
        _ => runtime()?.block_on(get_many::<RawHyper>(site))?,
    }
    println!("{}", status("VmHWM:")?);
    Ok(())
}

async fn get_many<C: Client>(site: &Site) -> Result<()> {
    let clients = C::make(site, MANY, Object::of(MEDIUM)).await?;
    let get = |mut client: C| tokio::spawn(async move { client.call(Call::Get).await });
    let tasks: Vec<_> = clients.into_iter().map(get).collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// Reads slowly, and prints by how much the process's memory grew after the first piece.
pub fn slow(client: &str, site: &Site) -> Result<()> {
    let grown = match client {
        "s3lite" => runtime()?.block_on(async {
            let mut object = store::open(site, Over::Http)?.get(format!("size/{LARGE}")).await?;
            read_slowly(async || Ok(object.chunk().await?)).await
        }),
        _ => runtime()?.block_on(async {
            let mut body = RawHyper::connect(site, Over::Http).await?.get(LARGE).await?;
            read_slowly(async || next_piece(&mut body).await).await
        }),
    };
    println!("{}", grown?);
    Ok(())
}

/// The server sends as fast as it can; the pauses give whatever reads ahead the time to do so.
async fn read_slowly(mut next: impl AsyncFnMut() -> Result<Option<Bytes>>) -> Result<u64> {
    next().await?;
    let before = status("VmRSS:")?;
    for _ in 0..PAUSES {
        sleep(PAUSE).await;
        next().await?.ok_or("the object ended early")?;
    }
    Ok(status("VmHWM:")?.saturating_sub(before))
}

/// Linux tells both in kibibytes.
fn status(name: &str) -> Result<u64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
    Ok(value.ok_or("memory is read as on Linux")?.parse()?)
}
