//! What the figures may be at most. They are targets that were set, not what was measured: they are not raised to fit.

use crate::measure::BASELINE;
use crate::rows::instructions;

/// One line's figure may be so much at most.
pub struct Bound {
    pub row: &'static str,
    pub client: &'static str,
    pub limit: Limit,
}

/// A figure and its bound. CPU times are compared by the lower quartile of each line's samples: what disturbs a sample adds to
/// it, and to either client by chance.
#[derive(Clone, Copy)]
pub enum Limit {
    /// Allocations of an operation. They do not vary.
    Allocations(f64),
    /// A figure of one reading, by its name. Instructions and memory vary by very little.
    Reading(&'static str, f64),
    /// CPU time in the row's unit.
    Cpu(f64),
    /// Wall time in the row's unit.
    Wall(f64),
    /// CPU time: so many times raw hyper's, and so much in the row's unit beside.
    TimesHyper(f64, f64),
    /// CPU time: so many times that of another line of the row.
    TimesLine(&'static str, f64),
    /// CPU time: raw hyper's and that of another line of the row.
    HyperAnd(&'static str),
}

impl Limit {
    /// Holds on a machine that does other things meanwhile.
    pub fn is_stable(self) -> bool {
        matches!(self, Self::Allocations(_) | Self::Reading(..))
    }
}

const S3LITE: &str = "s3lite";
const ANONYMOUS: &str = "s3lite anonymous";
const HASH: &str = "sha-256 alone";
const HASHED: &str = "hyper + sha-256";

/// A small operation's allocations: raw hyper makes 7 to 11, hyper-util's pool 15 to 19, the best of other clients 81.
const SMALL: f64 = 40.0;
/// A small operation's CPU time beside raw hyper's: what a pool, a signature and care may cost.
const ONE: f64 = 1.25;
/// The same with many at a time, where raw hyper has a connection for each and its system calls weigh less.
const MANY: f64 = 1.55;
/// The same with more tasks than a store has connections, of which raw hyper still has one for each; or with more workers than
/// tasks, which hand each other what one thread would keep.
const CROWD: f64 = 1.3;
/// Hashing the 4 KiB that a signed PUT names the hash of, in µs. Raw hyper does not hash.
const HASHING: f64 = 2.7;
/// Streams without hashing: nothing but bookkeeping for each piece.
const STREAM: f64 = 1.05;
/// From a process's start to the first byte.
const COLD: f64 = 1.25;
/// SHA-256 of 300 bytes, one HMAC and hex in a few buffers.
const SIGNING: f64 = 5.0;

/// All bounds.
pub const ALL: &[Bound] = &[
    bound("put-4k-1", S3LITE, Limit::Allocations(SMALL)),
    bound("get-4k-1", S3LITE, Limit::Allocations(SMALL)),
    bound("head-1", S3LITE, Limit::Allocations(SMALL)),
    bound("delete-1", S3LITE, Limit::Allocations(SMALL)),
    bound("put-4k-1", S3LITE, Limit::TimesHyper(ONE, HASHING)),
    bound("get-4k-1", S3LITE, Limit::TimesHyper(ONE, 0.0)),
    bound("head-1", S3LITE, Limit::TimesHyper(ONE, 0.0)),
    bound("delete-1", S3LITE, Limit::TimesHyper(ONE, 0.0)),
    bound("put-4k-32", S3LITE, Limit::TimesHyper(MANY, HASHING)),
    bound("get-4k-32", S3LITE, Limit::TimesHyper(MANY, 0.0)),
    bound("get-4k-256", S3LITE, Limit::TimesHyper(CROWD, 0.0)),
    bound("get-4k-1000", S3LITE, Limit::TimesHyper(CROWD, 0.0)),
    bound("get-4k-1-workers", S3LITE, Limit::TimesHyper(CROWD, 0.0)),
    bound("get-4k-32-workers", S3LITE, Limit::TimesHyper(MANY, 0.0)),
    bound("put-4k-32-workers", S3LITE, Limit::TimesHyper(MANY, HASHING)),
    bound("head-32", S3LITE, Limit::TimesHyper(MANY, 0.0)),
    bound("delete-32", S3LITE, Limit::TimesHyper(MANY, 0.0)),
    // A GET in user space: raw hyper takes 25,300, hyper-util's pool 35,450, the best of other clients 162,000.
    bound(instructions::ROW, S3LITE, Limit::Reading(instructions::MEANT, 60_000.0)),
    // Under a microsecond of CPU time for a signature in headers, under one and a half for a URL.
    bound("sign", "Signer::sign", Limit::Allocations(SIGNING)),
    bound("sign", "Signer::sign", Limit::Cpu(1.0)),
    bound("presign", "Signer::presign", Limit::Allocations(SIGNING)),
    bound("presign", "Signer::presign", Limit::Cpu(1.5)),
    bound("put-1g-reader", ANONYMOUS, Limit::TimesHyper(STREAM, 0.0)),
    bound("put-1g-reader", S3LITE, Limit::HyperAnd(HASH)),
    bound("put-1g-file", ANONYMOUS, Limit::TimesHyper(STREAM, 0.0)),
    bound("put-1g-file", S3LITE, Limit::TimesLine(HASHED, STREAM)),
    bound("get-1g", S3LITE, Limit::TimesHyper(STREAM, 0.0)),
    // Over TLS a reader is sent unsigned.
    bound("put-1g-reader-tls", S3LITE, Limit::TimesHyper(STREAM, 0.0)),
    bound("put-1g-file-tls", ANONYMOUS, Limit::TimesHyper(STREAM, 0.0)),
    bound("put-1g-file-tls", S3LITE, Limit::TimesLine(HASHED, STREAM)),
    bound("get-1g-tls", S3LITE, Limit::TimesHyper(STREAM, 0.0)),
    // A microsecond for a key, everything included; the best of other clients takes three.
    bound("list-100k", S3LITE, Limit::Cpu(1.0)),
    bound("first-byte-http", S3LITE, Limit::TimesHyper(COLD, 0.0)),
    bound("first-byte-https", S3LITE, Limit::TimesHyper(COLD, 0.0)),
    bound("first-byte-https-os", S3LITE, Limit::TimesHyper(COLD, 0.0)),
    // Opening a store with bundled roots takes less than a millisecond.
    bound("open", S3LITE, Limit::Wall(1000.0)),
    bound("get-64k-1000", S3LITE, Limit::Reading("MiB of memory", 64.0)),
    // hyper's own buffer may still grow by some hundred KiB when a reader pauses; an object read ahead would be far more.
    bound("slow-consumer", S3LITE, Limit::Reading("MiB of memory", 1.0)),
];

const fn bound(row: &'static str, client: &'static str, limit: Limit) -> Bound {
    Bound { row, client, limit }
}

/// The line that ratios are against.
pub const FLOOR: &str = BASELINE;
