//! What a store does: each of S3's calls, and what is done around them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::call::attempts::{OUT_OF_QUOTA, carry_out};
use super::call::reading::Reading;
use super::connection::permits::Permit;
use super::exchange::incoming::IncomingBody;
use super::object::download::out_of_time;
use super::runtime::blocking::demand_runtime;
use super::runtime::rare::rare;
use super::{Object, Pages, Payload, Store, load};
use crate::error::{Error, Result};
use crate::operation::{
    DeleteObject, DeleteObjectOutput, GetObject, HeadObject, ListObjectsV2, Operation, PutObject, PutObjectOutput,
    SelfContained,
};
use crate::request::Request;
use crate::response::{ObjectMeta, length_by_head, may_be_compressed, require_same_coding};
use crate::retry::{Decision, LATE_VISIBILITY, Moment, Outcome, Retry};
use crate::sign::{PayloadForm, PresignedUrl, SigningTime};

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
    async fn put_object(&self, operation: PutObject, payload: Payload) -> Result<PutObjectOutput> {
        let Some(limit) = self.inner.config.timeouts().transfer else {
            return self.put_and_look(operation, payload).await;
        };
        let key = operation.key().to_owned();
        let put = rare(timeout(limit, self.put_and_look(operation, payload))).await;
        put.unwrap_or_else(|_| {
            let error = out_of_time(self).with_unknown_outcome(true);
            Err(self.about_key(error, PutObject::NAME, Some(&key)))
        })
    }

    async fn put_and_look(&self, mut operation: PutObject, mut payload: Payload) -> Result<PutObjectOutput> {
        let length = payload.length();
        if operation.is_conditional() && self.inner.config.put_id() {
            operation = operation.put_id(load::id());
        }
        let mut reading = Reading::of(&operation);
        let stored = match self.run(&mut payload, &mut reading).await {
            Ok(()) => reading.output(),
            Err(error) if operation.is_conditional() && error.is_outcome_unknown() => {
                rare(self.settle(&operation, length, error)).await?
            }
            Err(error) => return Err(error),
        };
        if self.inner.config.verify_after_write() {
            return rare(self.verify(&operation, stored, length)).await;
        }
        if self.goes_in_chunks(&payload) && !self.inner.learned.chunks_checked.load(Ordering::Relaxed) {
            rare(self.check_chunks(&operation, &stored, length)).await?;
        }
        Ok(stored)
    }

    /// True if a payload was sent in signed chunks.
    fn goes_in_chunks(&self, payload: &Payload) -> bool {
        let scheme = self.inner.config.endpoint().scheme();
        let form = self.inner.config.payload_signing().form(payload.is_replayable(), scheme);
        payload.length() > 0 && self.inner.credentials.is_some() && matches!(form, Ok(PayloadForm::Streaming))
    }

    /// Looks, once for a store, whether the service took off the framing of signed chunks: some keep it as a part of the object.
    async fn check_chunks(&self, operation: &PutObject, stored: &PutObjectOutput, length: u64) -> Result<()> {
        let Ok(found) = self.head_object(operation.as_head_of(stored)).await else { return Ok(()) };
        if let Some(error) = operation.chunks_mistaken(stored, length, &found) {
            return Err(self.about_key(error, PutObject::NAME, Some(operation.key())));
        }
        self.inner.learned.chunks_checked.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Looks whether a conditional write took effect whose answer was lost, or whose second copy was refused.
    async fn settle(&self, operation: &PutObject, length: u64, error: Error) -> Result<PutObjectOutput> {
        match self.head_object(operation.as_head()).await {
            Ok(found) => operation.settle(length, &found, error),
            // That access was refused is what the operator needs to know.
            Err(_) if error.is_access_denied() => Err(error),
            Err(_) => Err(error.into_ambiguous()),
        }
    }

    /// Looks at an object that was just stored, a few times for services that show new objects late.
    async fn verify(&self, operation: &PutObject, stored: PutObjectOutput, length: u64) -> Result<PutObjectOutput> {
        let mut waits = LATE_VISIBILITY.iter();
        loop {
            let found = self.head_object(operation.as_head_of(&stored)).await;
            match (found, waits.next()) {
                (Ok(found), _) => {
                    let verified = PutObject::verify(&stored, length, &found).map(|()| stored);
                    return verified.map_err(|error| self.about_key(error, PutObject::NAME, Some(operation.key())));
                }
                (Err(error), Some(wait)) if error.is_not_found() => sleep(*wait).await,
                (Err(error), _) if error.is_access_denied() => return Err(error.into_stored_unverified()),
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

    async fn get_object(&self, operation: GetObject) -> Result<Object> {
        let Some(limit) = self.inner.config.timeouts().transfer else { return self.get_and_check(operation).await };
        let deadline = Instant::now() + limit;
        let key = operation.key().to_owned();
        let object = rare(timeout_at(deadline, self.get_and_check(operation))).await;
        let object = object.unwrap_or_else(|_| Err(self.about_key(out_of_time(self), GetObject::NAME, Some(&key))))?;
        Ok(object.end_by(Some(deadline)))
    }

    async fn get_and_check(&self, mut operation: GetObject) -> Result<Object> {
        if operation.asks_for_no_bytes() {
            // HTTP cannot ask for none; whether the object exists is asked all the same.
            let meta = rare(self.head_object(operation.as_head())).await?;
            return Ok(Object::empty(self, operation, meta));
        }
        if operation.byte_range().is_none() {
            operation = operation.checksum_mode();
        }
        let mut reading = Reading::of(&operation);
        match self.run(&mut Payload::none(), &mut reading).await {
            Ok(()) => {
                let (meta, body) = (reading.output(), reading.stream());
                if !meta.has_etag() || may_be_compressed(meta.head()) {
                    return rare(self.checked_object(operation, meta, body)).await;
                }
                Object::new(self, operation, meta, body)
            }
            Err(refusal) if operation.may_be_of_empty_object(&refusal) => {
                let meta = rare(self.head_object(operation.as_head())).await?;
                if meta.size() == Some(0) { Ok(Object::empty(self, operation, meta)) } else { Err(refusal) }
            }
            Err(error) => Err(error),
        }
    }

    /// Looks at an object whose head leaves doubt: one without a tag may be a document that came with a 200, and one that is
    /// encoded may have been so by a proxy. A HEAD knows its length and its encoding.
    async fn checked_object(&self, operation: GetObject, meta: ObjectMeta, mut body: IncomingBody) -> Result<Object> {
        let about = |error: Error| self.about_key(error, GetObject::NAME, Some(operation.key()));
        // Where there is one place only, the object has it, and the HEAD would wait for itself.
        let place = if self.inner.config.max_connections() == 1 { body.share_place() } else { None };
        let head = operation.as_head();
        let mut reading = Reading::in_place(&head, place);
        self.run(&mut Payload::none(), &mut reading).await?;
        let stored = reading.output();
        require_same_coding(meta.head(), stored.head()).map_err(about)?;
        if meta.has_etag() {
            return Object::new(self, operation.clone(), meta, body);
        }
        let length = length_by_head(&meta, &stored, operation.byte_range().is_none()).map_err(about)?;
        let mut object = Object::new(self, operation.clone(), meta, body)?;
        if let Some(length) = length {
            object.require_length(length);
        }
        object.require_no_document().await?;
        Ok(object)
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

    /// Sends an operation that carries all it sends and whose answer is small; [`Raw`](crate::Raw) is any S3 call at all.
    ///
    /// # Errors
    ///
    /// The service's refusal, or an answer that S3 does not give.
    pub async fn send<O: SelfContained>(&self, operation: O) -> Result<O::Output> {
        let mut reading = Reading::of(&operation);
        self.run(&mut Payload::none(), &mut reading).await?;
        Ok(reading.output())
    }

    /// Makes a URL that anyone may use for this operation until it expires. Sends nothing.
    ///
    /// # Errors
    ///
    /// `expires` outside 1 to 604,800 s, an anonymous store, and what the operation itself refuses.
    pub fn presign<O: Operation>(&self, operation: &O, expires: Duration) -> Result<PresignedUrl> {
        let refused = |error: Error| self.about_key(error, O::NAME, operation.key());
        operation.check_presignable().map_err(refused)?;
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
        let refused = |error: Error| self.about_key(error, O::NAME, operation.key());
        let request = operation.request(config.key_prefix()).map_err(refused)?;
        let checked = request.key().map_or(Ok(()), |key| config.check_key(key));
        checked.map_err(|error| self.about(error, O::NAME, Some(&request)))?;
        Ok(request)
    }

    /// Carries an operation out; what becomes of it is in `reading` then.
    async fn run<O: Operation>(&self, payload: &mut Payload, reading: &mut Reading<'_, O>) -> Result<()> {
        demand_runtime().map_err(|error| self.about(error, O::NAME, None))?;
        let request = self.request(reading.operation)?;
        if !request.body().is_empty() {
            *payload = Payload::bytes(request.body().clone());
        }
        carry_out(self, &request, payload, reading).await
    }

    /// Asks for an object's bytes without an [`Object`] around them, in the place that the download has.
    pub(super) async fn stream(
        &self,
        operation: &GetObject,
        place: Option<Permit>,
    ) -> Result<(ObjectMeta, IncomingBody)> {
        let mut reading = Reading::in_place(operation, place);
        self.run(&mut Payload::none(), &mut reading).await?;
        Ok((reading.output(), reading.stream()))
    }

    /// Decides whether a broken download goes on, and after which wait. Otherwise the error says why not.
    pub(super) fn after_break(&self, retry: &mut Retry, error: Error, elapsed: Duration) -> Result<Duration> {
        let outcome =
            Outcome { error: &error, stale_connection: false, correction: None, replayable: true, retry_after: None };
        let now = self.inner.opened.elapsed();
        let moment = Moment { now, elapsed, remaining: None, jitter: load::jitter() };
        match retry.after(&outcome, moment, &mut self.inner.quota()) {
            Decision::Again { wait } => Ok(wait),
            Decision::OutOfQuota => Err(error.with_hint(OUT_OF_QUOTA)),
            Decision::Stop => Err(error),
        }
    }

    /// Takes note that a download that broke moved on.
    pub(super) fn download_progressed(&self, retry: Retry) {
        retry.progressed(&mut self.inner.quota());
    }

    /// Adds what an error is about, before there is a request.
    #[cold]
    fn about_key(&self, error: Error, operation: &'static str, key: Option<&str>) -> Error {
        let config = &self.inner.config;
        let key = key.map(|key| config.key_prefix().join(key));
        error.with_context(operation, config.bucket(), key.as_deref())
    }

    #[cold]
    pub(super) fn about(&self, error: Error, operation: &'static str, request: Option<&Request>) -> Error {
        error.with_context(operation, self.inner.config.bucket(), request.and_then(Request::key))
    }
}
