//! What a store does: each of S3's calls, and what is done around them.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use super::call::carry_out;
use super::incoming::IncomingBody;
use super::rare::rare;
use super::reading::Reading;
use super::runtime::demand_runtime;
use super::{Object, Pages, Payload, Store, load};
use crate::error::{Error, Result};
use crate::operation::{
    DeleteObject, DeleteObjectOutput, GetObject, HeadObject, ListObjectsV2, Operation, PutObject, PutObjectOutput,
};
use crate::request::Request;
use crate::response::ObjectMeta;
use crate::retry::{Decision, LATE_VISIBILITY, Moment, Outcome, Retry};
use crate::sign::{PresignedUrl, SigningTime};

impl Store {
    /// Stores an object in one request (PutObject).
    ///
    /// # Errors
    ///
    /// The service's refusal; [`ErrorKind::Source`](crate::ErrorKind::Source) if the payload fails, or is longer or shorter than announced, in which
    /// case nothing is stored.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection; whether the object was stored is then not known.
    pub async fn put(&self, operation: impl Into<PutObject>, payload: impl Into<Payload>) -> Result<PutObjectOutput> {
        self.put_object(operation.into(), payload.into()).await
    }

    /// As [`put`](Self::put), compiled once: in this crate, not in those that call it.
    async fn put_object(&self, mut operation: PutObject, payload: Payload) -> Result<PutObjectOutput> {
        let length = payload.length();
        if operation.is_conditional() {
            operation = operation.put_id(load::id());
        }
        let mut reading = Reading::of(&operation);
        let stored = match self.run(payload, &mut reading).await {
            Ok(()) => reading.output(),
            Err(error) if operation.is_conditional() && error.is_outcome_unknown() => {
                rare(self.settle(&operation, length, error)).await?
            }
            Err(error) => return Err(error),
        };
        if self.inner.config.verify_after_write() {
            rare(self.verify(&operation, &stored, length)).await?;
        }
        Ok(stored)
    }

    /// Looks whether a conditional write took effect whose answer was lost, or whose second copy was refused.
    async fn settle(&self, operation: &PutObject, length: u64, error: Error) -> Result<PutObjectOutput> {
        match self.head_object(operation.as_head()).await {
            Ok(found) => operation.settle(length, &found, error),
            Err(_) => Err(error.into_ambiguous()),
        }
    }

    /// Looks at an object that was just stored, a few times for services that show new objects late.
    async fn verify(&self, operation: &PutObject, stored: &PutObjectOutput, length: u64) -> Result<()> {
        let mut waits = LATE_VISIBILITY.iter();
        loop {
            let found = self.head_object(operation.as_head_of(stored)).await;
            match (found, waits.next()) {
                (Ok(found), _) => {
                    let (bucket, key) =
                        (self.inner.config.bucket(), self.inner.config.key_prefix().join(operation.key()));
                    return PutObject::verify(stored, length, &found)
                        .map_err(|error| error.with_context(PutObject::NAME, bucket, Some(&key)));
                }
                (Err(error), Some(wait)) if error.is_not_found() => sleep(*wait).await,
                (Err(error), _) => return Err(error.into_unverified()),
            }
        }
    }

    /// Reads an object, or a range of it (GetObject). The bytes follow as they are asked for.
    ///
    /// An empty range, and `0..` of an empty object, give no bytes.
    ///
    /// # Errors
    ///
    /// The service's refusal, [`Error::is_not_found`] among them;
    /// [`ErrorKind::InvalidRange`](crate::ErrorKind::InvalidRange) for a range outside.
    pub async fn get(&self, operation: impl Into<GetObject>) -> Result<Object> {
        self.get_object(operation.into()).await
    }

    async fn get_object(&self, mut operation: GetObject) -> Result<Object> {
        if operation.asks_for_no_bytes() {
            // HTTP cannot ask for none; whether the object exists is asked all the same.
            let meta = rare(self.head_object(operation.as_head())).await?;
            return Ok(Object::empty(self, operation, meta));
        }
        if operation.byte_range().is_none() {
            operation = operation.checksum_mode();
        }
        let mut reading = Reading::of(&operation);
        match self.run(Payload::bytes(Bytes::new()), &mut reading).await {
            Ok(()) => {
                let (meta, body) = (reading.output(), reading.stream());
                Object::new(self, operation, meta, body)
            }
            Err(refusal) if operation.may_be_of_empty_object(&refusal) => {
                let meta = rare(self.head_object(operation.as_head())).await?;
                if meta.size() == Some(0) { Ok(Object::empty(self, operation, meta)) } else { Err(refusal) }
            }
            Err(error) => Err(error),
        }
    }

    /// Reads an object's metadata (HeadObject).
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get). A HEAD's refusal has no body, so it often has no code.
    pub async fn head(&self, operation: impl Into<HeadObject>) -> Result<ObjectMeta> {
        self.head_object(operation.into()).await
    }

    async fn head_object(&self, operation: HeadObject) -> Result<ObjectMeta> {
        self.send(operation).await
    }

    /// Deletes an object (DeleteObject). One that does not exist is success.
    ///
    /// # Errors
    ///
    /// The service's refusal.
    pub async fn delete(&self, operation: impl Into<DeleteObject>) -> Result<DeleteObjectOutput> {
        self.delete_object(operation.into()).await
    }

    async fn delete_object(&self, operation: DeleteObject) -> Result<DeleteObjectOutput> {
        self.send(operation).await
    }

    /// Lists keys (ListObjectsV2), page by page.
    pub fn list(&self, operation: impl Into<ListObjectsV2>) -> Pages {
        Pages::new(self.clone(), operation.into())
    }

    /// Sends an operation whose answer is small; [`Raw`](crate::Raw) is any S3 call at all.
    ///
    /// # Errors
    ///
    /// The service's refusal, or an answer that S3 does not give.
    pub async fn send<O: Operation>(&self, operation: O) -> Result<O::Output> {
        let mut reading = Reading::of(&operation);
        self.run(Payload::bytes(Bytes::new()), &mut reading).await?;
        Ok(reading.output())
    }

    /// Makes a URL that anyone may use for this operation until it expires. Sends nothing.
    ///
    /// # Errors
    ///
    /// `expires` outside 1 to 604,800 s, an anonymous store, and what the operation itself refuses.
    pub fn presign<O: Operation>(&self, operation: &O, expires: Duration) -> Result<PresignedUrl> {
        let request = self.request(operation)?;
        let address = self.inner.address();
        let presign = || {
            let Some(signer) = self.inner.signer(&address) else {
                return Err(Error::config("an anonymous store has no credentials to presign with"));
            };
            let target = address.endpoint().target(&request);
            // A skewed clock is not corrected here: whoever uses the URL compares with the service's own.
            let time = SigningTime::from_system_time(load::now())?;
            signer.presign(time, request.method().as_str(), &target, request.headers(), expires)
        };
        presign().map_err(|error| self.about(error, O::NAME, Some(&request)))
    }

    /// Makes an operation's request, which this store must take.
    fn request<O: Operation>(&self, operation: &O) -> Result<Request> {
        let config = &self.inner.config;
        let request = operation.request(config.key_prefix()).map_err(|error| self.about(error, O::NAME, None))?;
        let checked = request.key().map_or(Ok(()), |key| config.check_key(key));
        checked.map_err(|error| self.about(error, O::NAME, Some(&request)))?;
        Ok(request)
    }

    /// Carries an operation out; what becomes of it is in `reading` then.
    async fn run<O: Operation>(&self, mut payload: Payload, reading: &mut Reading<'_, O>) -> Result<()> {
        demand_runtime().map_err(|error| self.about(error, O::NAME, None))?;
        let request = self.request(reading.operation)?;
        if !request.body().is_empty() {
            payload = Payload::bytes(request.body().clone());
        }
        carry_out(self, &request, &mut payload, reading).await
    }

    /// Asks for an object's bytes without an [`Object`] around them.
    pub(super) async fn stream(&self, operation: &GetObject) -> Result<(ObjectMeta, IncomingBody)> {
        let mut reading = Reading::of(operation);
        self.run(Payload::bytes(Bytes::new()), &mut reading).await?;
        Ok((reading.output(), reading.stream()))
    }

    /// Decides whether a broken download goes on, and after which wait.
    pub(super) fn after_break(&self, retry: &mut Retry, error: &Error) -> Option<Duration> {
        let outcome = Outcome { error, stale_connection: false, correction: None, replayable: true, retry_after: None };
        let moment = Moment { now: self.inner.opened.elapsed(), remaining: None, jitter: load::jitter() };
        match retry.after(&outcome, moment, &mut self.inner.quota()) {
            Decision::Again { wait } => Some(wait),
            Decision::Stop => None,
        }
    }

    #[cold]
    pub(super) fn about(&self, error: Error, operation: &'static str, request: Option<&Request>) -> Error {
        error.with_context(operation, self.inner.config.bucket(), request.and_then(Request::key))
    }
}
