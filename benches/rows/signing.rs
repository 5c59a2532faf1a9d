//! Signing without any I/O, for a typical GET, with the day's key at hand.

use std::hint::black_box;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use s3lite::{Credentials, GetObject, KeyCache, PayloadHash, Region, Scheme, Signer, SigningTime, Target};

use crate::Result;
use crate::clients::{Over, store};
use crate::measure::{Line, Suite, Unit};

/// Signing is so short that a sample needs more operations than other rows do.
const MORE: u32 = 12;
const EXPIRES: Duration = Duration::from_secs(3600);

pub fn measure(suite: &mut Suite) -> Result<()> {
    let count = suite.extent().operations * MORE;
    let unit = Unit::microseconds_per("µs/op", f64::from(count));
    suite.measure("sign", unit, [signing("Signer::sign", count, |case, signer| case.sign(signer))])?;
    let site = suite.site();
    let by_store = Line::new("Store::presign", move |_| {
        let (store, get) = (store::open(&site, Over::Http)?, GetObject::new(KEY));
        Ok(Box::new(move |_| {
            for _ in 0..count {
                black_box(store.presign(&get, EXPIRES)?);
            }
            Ok(())
        }))
    });
    suite.measure("presign", unit, [signing("Signer::presign", count, |case, signer| case.presign(signer)), by_store])
}

const KEY: &str = "mail/user-0042/2025/03/14/9b2cf535f27731c974343645a3985328.eml";

/// What is signed.
struct Case {
    time: SigningTime,
    target: Target,
    headers: HeaderMap,
}

impl Case {
    fn new() -> Result<Self> {
        let checksum_mode = HeaderName::from_static("x-amz-checksum-mode");
        Ok(Self {
            time: SigningTime::from_unix_seconds(1_741_944_413)?,
            target: Target::new(Scheme::Https, "bucket.s3.eu-central-1.amazonaws.com", format!("/{KEY}"), [])?,
            headers: HeaderMap::from_iter([(checksum_mode, HeaderValue::from_static("ENABLED"))]),
        })
    }

    fn sign(&self, signer: &Signer<'_>) -> Result<()> {
        black_box(signer.sign(self.time, "GET", black_box(&self.target), &self.headers, &PayloadHash::EMPTY));
        Ok(())
    }

    fn presign(&self, signer: &Signer<'_>) -> Result<()> {
        black_box(signer.presign(self.time, "GET", black_box(&self.target), &HeaderMap::new(), EXPIRES)?);
        Ok(())
    }
}

fn signing(name: &'static str, count: u32, sign: fn(&Case, &Signer<'_>) -> Result<()>) -> Line {
    Line::new(name, move |_| {
        let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")?;
        let (case, cache, region) = (Case::new()?, KeyCache::default(), Region::new("eu-central-1")?);
        Ok(Box::new(move |_| {
            let signer = Signer::new(&credentials, &region, "s3")?.with_cache(&cache);
            (0..count).try_for_each(|_| sign(&case, &signer))
        }))
    })
}
