//! A program's beginning: opening a store, and the first byte of its first object.

use crate::Result;
use crate::clients::raw_hyper::{RawHyper, next_piece};
use crate::clients::{Object, Over, store};
use crate::measure::{Cost, Meter};
use crate::server::Site;

/// Opens a store, and prints what that alone cost. There is no runtime here: nothing could ask the network.
pub fn open(client: &str, over: Over, site: &Site) -> Result<()> {
    if client != "s3lite" {
        return Err(format!("{client} opens no store").into());
    }
    let meter = Meter::start()?;
    let opened = store::open(site, over)?;
    let cost = meter.stop()?;
    drop(opened);
    print(&cost);
    Ok(())
}

/// Does nothing, and prints what that costs: the rest of a process's start is no client's.
pub fn nothing() -> Result<()> {
    print(&Cost::since_start()?);
    Ok(())
}

/// Reads an object's first bytes, and prints what the process has cost until then.
pub fn first(client: &str, over: Over, site: &Site) -> Result<()> {
    let first = async {
        if client == "s3lite" {
            store::open(site, over)?.get(Object::SMALL.key()).await?.chunk().await.map_err(Into::into)
        } else {
            next_piece(&mut RawHyper::connect(site, over).await?.get(Object::SMALL.size).await?).await
        }
    };
    let first = super::runtime()?.block_on(first)?;
    print(&Cost::since_start()?);
    first.map(drop).ok_or_else(|| "the object is empty".into())
}

fn print(cost: &Cost) {
    let Cost { cpu, wall, allocations, allocated_bytes, .. } = cost;
    println!("{} {} {allocations} {allocated_bytes}", cpu.as_nanos(), wall.as_nanos());
}
