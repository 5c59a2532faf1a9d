//! What becomes of an answer: it is read as its operation says, and kept for the caller.

use crate::client::connection::permits::{Permit, Use};
use crate::client::exchange::incoming::IncomingBody;
use crate::error::Result;
use crate::operation::{Answer, Operation, read_answer_of};
use crate::response::Marks;

/// What an answer goes to.
pub(in crate::client) trait Recipient: Send {
    /// True if the body of a success is handed on as it comes, not read.
    fn streams(&self) -> bool;

    /// True if a success is a document, which shows where it ends.
    fn reads_documents(&self) -> bool;

    /// What its place is wanted for.
    fn purpose(&self) -> Use {
        if self.streams() { Use::Object } else { Use::Request }
    }

    /// The place that it has already, if it has one.
    fn place(&mut self) -> Option<Permit>;

    /// Reads an answer: a success, whose output it keeps for the caller, or a refusal.
    fn read(&mut self, answer: Answer<'_>, known: Marks) -> Result<()>;

    /// Takes the body of a success that streams.
    fn take(&mut self, body: IncomingBody);
}

/// An operation, and what its answer says.
pub(in crate::client) struct Reading<'a, O: Operation> {
    pub operation: &'a O,
    output: Option<O::Output>,
    stream: Option<IncomingBody>,
    /// The place of a download that goes on, for every attempt of it.
    place: Option<Permit>,
}

impl<'a, O: Operation> Reading<'a, O> {
    pub fn of(operation: &'a O) -> Self {
        Self { operation, output: None, stream: None, place: None }
    }

    /// Of an operation for which a place was taken before.
    pub fn in_place(operation: &'a O, place: Option<Permit>) -> Self {
        Self { place, ..Self::of(operation) }
    }

    pub fn output(&mut self) -> O::Output {
        self.output.take().expect("a success was read")
    }

    pub fn stream(&mut self) -> IncomingBody {
        self.stream.take().expect("its operation streams")
    }
}

impl<O: Operation> Recipient for Reading<'_, O> {
    fn streams(&self) -> bool {
        O::STREAMS
    }

    fn reads_documents(&self) -> bool {
        O::IS_DOCUMENT
    }

    fn place(&mut self) -> Option<Permit> {
        let (kept, given) = self.place.take()?.share();
        self.place = Some(kept);
        Some(given)
    }

    fn read(&mut self, answer: Answer<'_>, known: Marks) -> Result<()> {
        self.output = Some(read_answer_of(self.operation, answer, known)?);
        Ok(())
    }

    fn take(&mut self, body: IncomingBody) {
        self.stream = Some(body);
    }
}
