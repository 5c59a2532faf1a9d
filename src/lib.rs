//! s3lite: the S3 client one embeds.
#![forbid(unsafe_code)]

#[cfg(feature = "client")]
mod client;
mod config;
mod credentials;
mod encode;
mod endpoint;
mod error;
mod operation;
mod request;
mod response;
mod retry;
mod sign;
mod target;
mod xml;

pub use http::Method;

#[cfg(feature = "client")]
pub use self::client::{Object, ObjectReader, Pages, Payload, Store};
pub use self::config::{Lookup, Reference, StoreConfig, StoreConfigBuilder, Timeouts, TlsConfig, TlsRoots, Value};
pub use self::credentials::{CredentialSource, Credentials, Found, resolve};
pub use self::endpoint::{AddressingStyle, Endpoint, EndpointParameters, EndpointUrl, Region};
pub use self::error::{Error, ErrorKind, Phase, Result, ServiceError};
pub use self::operation::{
    Answer, ByteRange, DeleteObject, DeleteObjectOutput, GetObject, HeadObject, ListObjectsV2, ListedObject,
    ListingCursor, ListingPage, Operation, PutObject, PutObjectOutput, Raw, RawAnswer, read_answer,
};
pub use self::request::{KeyPrefix, Request, headers_to_sign};
pub use self::response::{ContentRange, ETag, ObjectMeta, ResponseHead};
pub use self::retry::{Decision, Outcome, Retry};
pub use self::sign::{
    ChunkSigner, Explanation, KeyCache, PayloadForm, PayloadHash, PayloadSigning, PresignedUrl, Signature, Signer,
    SigningInstructions, SigningTime, encoded_length, unsigned_chunk_head, unsigned_end,
};
pub use self::target::{Scheme, Target};
