//! s3lite: the S3 client one embeds.
//!
//! `Store` is one bucket: opened from a section of a TOML file, it puts, gets, lists and deletes objects, and never counts as
//! stored what was not, nor as read what was cut. Its own page has an example; the README has a tour.
//!
//! # The flow
//!
//! Two halves: the core computes from its arguments, the shell (feature `client`) does the I/O and decides nothing. Without
//! default features the core stands alone, for any HTTP client one already has.
//!
//! ```text
//! config        TOML text                                      -> StoreConfig
//! credentials   StoreConfig + file texts + environment         -> Credentials
//! endpoint      StoreConfig                                    -> Endpoint
//! operation     GetObject::new("k").range(0..9)                -> Request
//! endpoint      Endpoint + Request                             -> Target     Host, encoded path, encoded query
//! sign          Request + Target + Credentials + SigningTime   -> SigningInstructions
//! client          (carries the request out and the answer back)
//! response      ResponseHead + body                            -> Operation::Output, or ServiceError
//! retry         Outcome + Moment + RetryQuota                  -> Decision
//! skew, resume  what an answer teaches                         -> the next signature, the next range
//! pace          waits + bytes                                  -> go on, or too slow
//! error         whatever stopped it                            -> Error
//! ```
//!
//! The core by itself:
//!
//! ```
//! use s3lite::{GetObject, KeyPrefix, Operation, PayloadHash, Signer, SigningTime, StoreConfig, headers_to_sign};
//! # use s3lite::CredentialSource;
//!
//! let config = StoreConfig::builder()
//!     .set("bucket", "mail")
//!     .set("region", "eu-central-1")
//!     .set("access-key", "AKIAIOSFODNN7EXAMPLE")
//!     .set("secret-key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
//!     .build()?;
//! # let CredentialSource::Given(credentials) = config.credentials() else { unreachable!() };
//! let request = GetObject::new("a b.txt").request(&KeyPrefix::default())?;
//! let target = config.endpoint().target(&request);
//! assert_eq!(target.to_string(), "https://mail.s3.eu-central-1.amazonaws.com/a%20b.txt");
//!
//! let signer = Signer::new(credentials, config.endpoint().region(), "s3")?;
//! let (time, to_sign) = (SigningTime::from_unix_seconds(1_700_000_000)?, headers_to_sign(request.headers()));
//! let add = signer.sign(time, request.method().as_str(), &target, to_sign, &PayloadHash::EMPTY);
//! assert_eq!(add.headers().len(), 3);
//! # Ok::<(), s3lite::Error>(())
//! ```
//!
//! # Features
//!
//! - `client` (default): `Store`, over hyper and tokio. Alone, it speaks plain http.
//! - `tls` (default): https, by rustls on ring with the system's authorities.
//! - `bundled-roots` (default): Mozilla's authorities, for `tls.roots = "bundled"`.
//! - `tracing`: every attempt, and warnings, as events.
//!
//! # Design
//!
//! Floors, so that no two rooms import each other; each room uses those below it only:
//!
//! ```text
//! 6  client, in rooms of its own: mod, operations, pages, load over object over call over exchange and connection over
//!    payload over runtime; each room's page says what it is for
//! 5  resume
//! 4  config   operation
//! 3  endpoint   sign   response   skew   checksum
//! 2  retry   credentials   target   xml   request
//! 1  error over head   encode   calendar   consent   pace   region over partition
//! ```
//!
//! - The key goes on the wire as it was written, percent-encoded once; it never passes through a URL parser, which would
//!   collapse `..` into another bucket.
//! - A body has a length, and its last bytes are held back until its source has shown its end: hyper alone cuts a longer
//!   source and reports success. What stops in its middle resets the connection, because some servers store what came before
//!   an orderly close.
//! - Little is signed: `host`, `x-amz-*`, `content-md5`. Proxies rewrite the rest.
//! - A 2xx is not yet success: a PUT needs its whole body taken and an ETag, a result its root element, a GET its length. What
//!   frames an answer is one function (`response::framing`), what is S3's own answer another (`response::recognise`).
//! - A connection's place is free once its socket is closed, so that the service sees no more than `max-connections`; only a
//!   call that goes on over another connection takes its place along.
//! - The response timeout counts from the last byte that the socket took, so that a slow upload is not a silent server.
//! - Configuration in code takes the keys of the file by name (`.set("key-prefix", "mail/")`): no option is declared twice.
//! - An empty range is answered by a HEAD: no bytes are asked for, but a missing object is still an error.

// What only the client, or only its TLS, asks of the core.
#![cfg_attr(not(feature = "tls"), allow(dead_code, unused_imports))]
#![forbid(unsafe_code)]

mod calendar;
mod checksum;
#[cfg(feature = "client")]
mod client;
mod config;
mod consent;
mod credentials;
mod encode;
mod endpoint;
mod error;
mod head;
mod operation;
mod pace;
mod partition;
mod region;
mod request;
mod response;
mod resume;
mod retry;
mod sign;
mod skew;
mod target;
mod xml;

#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../README.md")]
struct Readme;

pub use http::Method;

pub use self::checksum::Checksum;
#[cfg(feature = "client")]
pub use self::client::{Attempt, AttemptEnd, Object, ObjectReader, Observer, Pages, Payload, Store};
pub use self::config::{Lookup, Reference, StoreConfig, StoreConfigBuilder, Timeouts, TlsConfig, TlsRoots, Value};
pub use self::consent::Consent;
pub use self::credentials::{CredentialSource, Credentials, Found, resolve};
pub use self::endpoint::{AddressingStyle, Endpoint, EndpointParameters, EndpointUrl, Region};
pub use self::error::{Error, ErrorKind, Phase, Result, ServiceError};
pub use self::head::ResponseHead;
pub use self::operation::{
    Answer, AnswerKind, DeleteObject, DeleteObjectOutput, GetObject, HeadObject, ListObjectsV2, ListedObject,
    ListingCursor, ListingPage, Operation, PutObject, PutObjectOutput, Raw, RawAnswer, SelfContained, read_answer,
};
pub use self::request::{ByteRange, KeyPrefix, Request, headers_to_sign};
pub use self::response::{ContentRange, ETag, Marks, ObjectMeta};
pub use self::resume::Resume;
pub use self::retry::{
    Correction, Decision, FailureClass, LATE_VISIBILITY, Moment, Outcome, Retry, RetryPolicy, RetryQuota, classify,
};
pub use self::sign::{
    ChunkSigner, Explanation, KeyCache, PayloadForm, PayloadHash, PayloadSigning, PresignedUrl, Signature, Signer,
    SigningInstructions, SigningTime, encoded_length, unsigned_chunk_head, unsigned_end,
};
pub use self::skew::ClockSkew;
pub use self::target::{Scheme, Target};
