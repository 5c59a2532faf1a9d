//! One large object, out and in, plain and over TLS.
//!
//! Over plain http a store signs a reader chunk by chunk, over TLS not at all; a file by the hash of its content, for which
//! it is read twice, as it is by `hyper + sha-256`. `sha-256 alone` is one pass over as many bytes in memory: what
//! signing them costs at least. An anonymous store
//! signs nothing; its line is what the streaming itself costs.
//!
//! Each sample has a connection of its own. How much a read finds in the socket settles early in a connection's life and then
//! stays, for either client: the same transfer costs 145 or 220 ms/GiB.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use http::Method;
use s3lite::{Payload, Store};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, repeat};
use tokio::runtime::Runtime;

use super::lazy_file::{LazyFile, PIECE};
use crate::Result;
use crate::clients::raw_hyper::RawHyper;
use crate::clients::{Over, Roots, SendBody, store};
use crate::measure::{BASELINE, Line, Suite, Unit, Work};
use crate::server::Site;

const OBJECT: &str = "stream";
const ANONYMOUS: &str = "s3lite anonymous";

pub fn measure(suite: &mut Suite) -> Result<()> {
    let length = suite.extent().stream_bytes;
    let unit = Unit::milliseconds_per_gibibyte(length);
    let (plain, tls) = (Rows { site: suite.site(), over: Over::Http, length }, Over::Https(Roots::Bundled));
    let encrypted = Rows { site: suite.site(), over: tls, length };
    suite.measure_streams("put-1g-reader", unit, plain.put_reader(true))?;
    suite.measure_streams("put-1g-file", unit, plain.put_file())?;
    suite.measure_streams("get-1g", unit, plain.get())?;
    suite.measure_streams("put-1g-reader-tls", unit, encrypted.put_reader(false))?;
    suite.measure_streams("put-1g-file-tls", unit, encrypted.put_file())?;
    suite.measure_streams("get-1g-tls", unit, encrypted.get())
}

/// The lines of the rows over one kind of connection.
struct Rows {
    site: Site,
    over: Over,
    length: u64,
}

impl Rows {
    fn put_reader(&self, signed: bool) -> Vec<Line> {
        let length = self.length;
        let payload = move |_: &Runtime| Ok(Payload::reader(source(length), length));
        let mut lines = vec![
            self.put_raw(move || Ok(SendBody::reader(source(length), length))),
            self.put_store("s3lite", store::open_unpaced, payload),
        ];
        if signed {
            lines.push(self.put_store(ANONYMOUS, store::open_anonymous, payload));
            lines.push(hash_line(length));
        }
        lines
    }

    fn put_file(&self) -> [Line; 4] {
        let (length, file) = (self.length, Rc::new(LazyFile::new(self.length)));
        let payload = |file: Rc<LazyFile>| {
            move |runtime: &Runtime| Ok(runtime.block_on(Payload::file(file.written()?))?) as Result<Payload>
        };
        let raw = file.clone();
        [
            self.put_raw(move || Ok(SendBody::file(File::open(raw.written()?)?, length))),
            self.put_store(ANONYMOUS, store::open_anonymous, payload(file.clone())),
            self.put_store("s3lite", store::open_unpaced, payload(file.clone())),
            self.put_raw_as("hyper + sha-256", move || {
                hash_file(file.written()?)?;
                Ok(SendBody::file(File::open(file.written()?)?, length))
            }),
        ]
    }

    fn get(&self) -> [Line; 2] {
        let (site, over, length) = (self.site.clone(), self.over, self.length);
        let raw = Line::new(BASELINE, move |_| {
            let uri: http::Uri = format!("/bucket/size/{length}").parse()?;
            Ok(Box::new(move |runtime: &Runtime| {
                let mut client = runtime.block_on(RawHyper::connect_unpaced(&site, over))?;
                let read = runtime.block_on(client.exchange(Method::GET, uri.clone(), SendBody::empty()))?;
                if read == length { Ok(()) } else { Err(format!("{read} of {length} bytes came").into()) }
            }) as Work)
        });
        let site = self.site.clone();
        let store = Line::new("s3lite", move |_| {
            let key = format!("size/{length}");
            Ok(Box::new(move |runtime: &Runtime| {
                let store = store::open_unpaced(&site, over)?;
                runtime.block_on(store::read_to_end(&store, &key, length))
            }) as Work)
        });
        [raw, store]
    }

    fn put_raw(&self, body: impl FnMut() -> Result<SendBody> + 'static) -> Line {
        self.put_raw_as(BASELINE, body)
    }

    fn put_raw_as(&self, name: &'static str, mut body: impl FnMut() -> Result<SendBody> + 'static) -> Line {
        let (site, over) = (self.site.clone(), self.over);
        Line::new(name, move |_| {
            let uri = http::Uri::from_static("/bucket/stream");
            Ok(Box::new(move |runtime| {
                let mut client = runtime.block_on(RawHyper::connect_unpaced(&site, over))?;
                runtime.block_on(client.exchange(Method::PUT, uri.clone(), body()?))?;
                Ok(())
            }))
        })
    }

    fn put_store(
        &self,
        name: &'static str,
        open: fn(&Site, Over) -> Result<Store>,
        mut payload: impl FnMut(&Runtime) -> Result<Payload> + 'static,
    ) -> Line {
        let (site, over) = (self.site.clone(), self.over);
        Line::new(name, move |_| {
            Ok(Box::new(move |runtime| {
                let store = open(&site, over)?;
                let payload = payload(runtime)?;
                runtime.block_on(store.put(OBJECT, payload))?;
                Ok(())
            }))
        })
    }
}

fn hash_line(length: u64) -> Line {
    Line::new("sha-256 alone", move |_| {
        let piece = vec![b'x'; PIECE];
        Ok(Box::new(move |_| {
            let mut hash = Sha256::new();
            (0..length / PIECE as u64).for_each(|_| hash.update(&piece));
            std::hint::black_box(hash.finalize());
            Ok(())
        }))
    })
}

/// One pass over a file, as it has to come before the file is sent.
fn hash_file(path: &Path) -> io::Result<()> {
    let (mut file, mut hash, mut piece) = (File::open(path)?, Sha256::new(), vec![0; PIECE]);
    loop {
        match file.read(&mut piece)? {
            0 => break,
            count => hash.update(&piece[..count]),
        }
    }
    std::hint::black_box(hash.finalize());
    Ok(())
}

/// A source that costs next to nothing: its bytes are set, not copied.
fn source(length: u64) -> impl AsyncRead + Send + Unpin + 'static {
    repeat(b'x').take(length)
}
