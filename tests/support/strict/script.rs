//! What the server shall do wrong, and at which request.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::http::RequestHead;
use super::response::RawResponse;

/// A change to the normal answer.
pub type Mutation = Arc<dyn Fn(&mut RawResponse) + Send + Sync>;

/// What the server does with one request.
#[derive(Clone)]
pub enum Act {
    /// Behaves as S3.
    Normal,
    /// Behaves as S3, so much later; the request is applied then, too.
    Delay(Duration),
    /// Behaves as S3, but never says `100 Continue`.
    NoContinue,
    /// Reads the request, applies nothing, writes these bytes and goes on with the connection.
    Reply(Vec<u8>),
    /// Reads the request, applies nothing, writes these bytes and closes.
    ReplyThenClose(Vec<u8>),
    /// Writes these bytes after the head, before any of the body is read. Applies nothing.
    ReplyEarly {
        /// The answer.
        raw: Vec<u8>,
        /// What follows it.
        then: AfterEarlyReply,
    },
    /// Reads the request, applies nothing, closes without an answer.
    CloseBeforeReply,
    /// Applies the request and closes: the answer is lost.
    ApplyThenClose,
    /// Reads the head and closes, as a server does whose idle timeout meets a request on the way.
    ///
    /// It waits in the queue for the first fitting request that is not the first of its connection.
    Swallow,
    /// Reads the request, applies nothing, never answers and keeps the connection.
    Stall,
    /// Never reads the body, never answers and keeps the connection, also when the client has left it.
    StallReading,
    /// The normal answer's head and so many bytes of its body, then a clean end of the connection:
    /// FIN, under TLS after close_notify.
    CutBody {
        /// Bytes of the body on the wire.
        after: usize,
    },
    /// As [`Act::CutBody`], with a connection reset for an end.
    ResetBody {
        /// Bytes of the body on the wire.
        after: usize,
    },
    /// As [`Act::CutBody`], but the connection stays and nothing more comes.
    StallBody {
        /// Bytes of the body on the wire.
        after: usize,
    },
    /// The normal answer, its body in small pieces.
    Trickle {
        /// Bytes of a piece.
        chunk: usize,
        /// Time before each piece.
        pause: Duration,
    },
    /// The normal answer, changed.
    Mutate(Mutation),
}

impl Act {
    /// [`Act::Mutate`] from a closure.
    pub fn mutate(change: impl Fn(&mut RawResponse) + Send + Sync + 'static) -> Self {
        Self::Mutate(Arc::new(change))
    }
}

impl fmt::Debug for Act {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Normal => "Normal",
            Self::Delay(_) => "Delay",
            Self::NoContinue => "NoContinue",
            Self::Reply(_) => "Reply",
            Self::ReplyThenClose(_) => "ReplyThenClose",
            Self::ReplyEarly { .. } => "ReplyEarly",
            Self::CloseBeforeReply => "CloseBeforeReply",
            Self::ApplyThenClose => "ApplyThenClose",
            Self::Swallow => "Swallow",
            Self::Stall => "Stall",
            Self::StallReading => "StallReading",
            Self::CutBody { .. } => "CutBody",
            Self::ResetBody { .. } => "ResetBody",
            Self::StallBody { .. } => "StallBody",
            Self::Trickle { .. } => "Trickle",
            Self::Mutate(_) => "Mutate",
        };
        formatter.write_str(name)
    }
}

/// What follows an early answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterEarlyReply {
    /// The connection is closed. What the client still sends is answered with a reset, which may
    /// overtake the answer.
    Close,
    /// The connection is reset at once.
    Reset,
    /// The server's half is closed; the client's body is read until the client closes.
    HalfClose,
    /// The body is read to its end and the connection goes on.
    KeepReading,
}

/// Which requests a step of the script is for.
#[derive(Clone)]
pub enum Filter {
    /// All.
    Any,
    /// Those with this method.
    Method(&'static str),
    /// Those whose head fits.
    Where(Arc<dyn Fn(&RequestHead) -> bool + Send + Sync>),
}

impl Filter {
    fn fits(&self, head: &RequestHead) -> bool {
        match self {
            Self::Any => true,
            Self::Method(method) => head.method == *method,
            Self::Where(fits) => fits(head),
        }
    }
}

struct Step {
    filter: Filter,
    act: Act,
    lasting: bool,
}

/// A queue of acts. Each request takes the first act that is for it; without one, the server
/// behaves normally.
#[derive(Default)]
pub struct Script {
    steps: VecDeque<Step>,
}

impl Script {
    /// Adds an act for one request.
    pub fn once(&mut self, filter: Filter, act: Act) {
        self.steps.push_back(Step { filter, act, lasting: false });
    }

    /// Adds an act for all fitting requests from the moment it is the first that fits.
    pub fn always(&mut self, filter: Filter, act: Act) {
        self.steps.push_back(Step { filter, act, lasting: true });
    }

    /// Forgets all acts.
    pub fn clear(&mut self) {
        self.steps.clear();
    }

    /// How many acts are still waiting, lasting ones included.
    pub fn remaining(&self) -> usize {
        self.steps.len()
    }

    /// The act for a request that is the `nth` on its connection, from 1.
    pub fn take(&mut self, head: &RequestHead, nth: usize) -> Act {
        let due = |step: &Step| step.filter.fits(head) && (nth > 1 || !matches!(step.act, Act::Swallow));
        let Some(at) = self.steps.iter().position(due) else {
            return Act::Normal;
        };
        if self.steps[at].lasting {
            return self.steps[at].act.clone();
        }
        self.steps.remove(at).map_or(Act::Normal, |step| step.act)
    }
}
