//! What becomes of an answer: it is read as its operation says, and kept for the caller.

use super::incoming::IncomingBody;
use crate::error::Result;
use crate::operation::{Answer, Operation, read_answer};

/// What an answer goes to.
pub(super) trait Recipient: Send {
    /// True if the body of a success is handed on as it comes, not read.
    fn streams(&self) -> bool;

    /// Reads an answer: a success, whose output it keeps for the caller, or a refusal.
    fn read(&mut self, answer: Answer<'_>) -> Result<()>;

    /// Takes the body of a success that streams.
    fn take(&mut self, body: IncomingBody);
}

/// An operation, and what its answer says.
pub(super) struct Reading<'a, O: Operation> {
    pub operation: &'a O,
    output: Option<O::Output>,
    stream: Option<IncomingBody>,
}

impl<'a, O: Operation> Reading<'a, O> {
    pub fn of(operation: &'a O) -> Self {
        Self { operation, output: None, stream: None }
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

    fn read(&mut self, answer: Answer<'_>) -> Result<()> {
        self.output = Some(read_answer(self.operation, answer)?);
        Ok(())
    }

    fn take(&mut self, body: IncomingBody) {
        self.stream = Some(body);
    }
}
