//! A listing of 100,000 keys. Raw hyper reads the bytes and understands nothing.

use http::{Method, Uri};
use s3lite::{ListObjectsV2, Store};

use crate::Result;
use crate::clients::raw_hyper::RawHyper;
use crate::clients::{Over, SendBody, store};
use crate::measure::{BASELINE, Line, Suite, Unit};
use crate::server::{KEYS, PAGES, TOKEN};

pub fn measure(suite: &mut Suite) -> Result<()> {
    let site = suite.site();
    let raw = Line::new(BASELINE, move |runtime| {
        let mut client = runtime.block_on(RawHyper::connect(&site, Over::Http))?;
        Ok(Box::new(move |runtime| runtime.block_on(read_pages(&mut client))))
    });
    let site = suite.site();
    let store = Line::new("s3lite", move |_| {
        let store = store::open(&site, Over::Http)?;
        Ok(Box::new(move |runtime| runtime.block_on(list(&store))))
    });
    suite.measure("list-100k", Unit::microseconds_per("µs/key", KEYS as f64), [raw, store])
}

async fn read_pages(client: &mut RawHyper) -> Result<()> {
    for page in 0..PAGES {
        let uri: Uri = format!("/bucket?list-type=2&continuation-token={TOKEN}{page:04}").parse()?;
        client.exchange(Method::GET, uri, SendBody::empty()).await?;
    }
    Ok(())
}

async fn list(store: &Store) -> Result<()> {
    let (mut pages, mut keys) = (store.list(ListObjectsV2::new()), 0);
    while let Some(page) = pages.next().await? {
        keys += page.contents.len();
    }
    if keys == KEYS { Ok(()) } else { Err(format!("{keys} of {KEYS} keys came").into()) }
}
