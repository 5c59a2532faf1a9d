//! What the server does with the requests of a connection: the act that the script has for each.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;

use super::connection::{Connection, Current, Then, Transport};
use super::error::S3Error;
use super::http::{HeadError, Wire};
use super::response::{Framing, RawResponse};
use super::script::{Act, AfterEarlyReply};
use super::service::{Shared, lock};
use super::sigv4::Verified;

/// Serves a connection until one side ends it. Failures of the connection are the client's affair
/// and not reported.
pub async fn serve<S: Transport>(stream: S, shared: Arc<Shared>, number: usize) {
    let mut connection = Connection { wire: Wire::new(stream), shared, number, served: 0 };
    while let Ok(Then::GoOn) = connection.exchange().await {}
}

impl<S: Transport> Connection<S> {
    async fn exchange(&mut self) -> io::Result<Then> {
        let head = match self.wire.read_head().await {
            Ok(Some(head)) => head,
            Ok(None) => return Ok(Then::Close),
            Err(HeadError::Io(error)) => return Err(error),
            Err(HeadError::Malformed(raw, reason)) => {
                return self.refuse_malformed(raw, &reason).await;
            }
        };
        self.served += 1;
        let act = lock(&self.shared.script).take(&head, self.served);
        let entry = self.note(&head);
        let current = Current { head, entry };
        match act {
            Act::Swallow => {
                self.judge_head(&current);
                Ok(Then::Close)
            }
            Act::StallReading => {
                self.judge_head(&current);
                std::future::pending().await
            }
            Act::ReplyEarly { raw, then } => {
                self.judge_head(&current);
                self.reply_early(&current, &raw, then).await
            }
            act => self.answer_whole(&current, act).await,
        }
    }

    /// Reads the whole request, then does what is left of the act.
    async fn answer_whole(&mut self, current: &Current, act: Act) -> io::Result<Then> {
        let consents = !matches!(act, Act::NoContinue);
        let body = match self.read_body(current, consents).await? {
            Some(body) => body,
            None => return self.answer_unread(current).await,
        };
        let judged = self.shared.judge(&current.head, &body);
        self.record(current, |seen| seen.refusal = judged.as_ref().err().map(S3Error::reason));
        match act {
            Act::Reply(raw) => self.write_raw(current, &raw).await.map(|()| Then::GoOn),
            Act::ReplyThenClose(raw) => {
                self.write_raw(current, &raw).await?;
                self.finish().await
            }
            Act::CloseBeforeReply => self.finish().await,
            Act::ApplyThenClose => {
                self.shared.answer(&current.head, judged);
                self.finish().await
            }
            Act::Stall => self.hold().await,
            act => self.answer_applied(current, judged, act).await,
        }
    }

    /// Applies the request and writes the answer, whole or not.
    async fn answer_applied(
        &mut self,
        current: &Current,
        judged: Result<Verified, S3Error>,
        act: Act,
    ) -> io::Result<Then> {
        if let Act::Delay(time) = act {
            tokio::time::sleep(time).await;
        }
        let mut answer = self.shared.answer(&current.head, judged);
        if let Act::Mutate(change) = &act {
            change(&mut answer);
        }
        let body = answer.body_bytes();
        let cut = |after: usize| &body[..after.min(body.len())];
        match act {
            Act::CutBody { after } => {
                self.write(current, &answer, cut(after)).await?;
                self.finish().await
            }
            Act::ResetBody { after } => {
                self.write(current, &answer, cut(after)).await?;
                self.wire.stream.reset_when_closed()?;
                Ok(Then::Close)
            }
            Act::StallBody { after } => {
                self.write(current, &answer, cut(after)).await?;
                self.hold().await
            }
            Act::Trickle { chunk, pause } => {
                self.write(current, &answer, &[]).await?;
                self.trickle(&body, chunk, pause).await?;
                self.after_answer(current, &answer).await
            }
            _ => {
                self.write(current, &answer, &body).await?;
                self.after_answer(current, &answer).await
            }
        }
    }

    async fn after_answer(&mut self, current: &Current, answer: &RawResponse) -> io::Result<Then> {
        let asked = current.head.values("connection").iter().any(|value| value.eq_ignore_ascii_case(b"close"));
        let told = answer.header("connection") == Some("close");
        if asked || told || answer.framing == Framing::UntilClose { self.finish().await } else { Ok(Then::GoOn) }
    }

    async fn reply_early(&mut self, current: &Current, raw: &[u8], then: AfterEarlyReply) -> io::Result<Then> {
        self.write_raw(current, raw).await?;
        match then {
            AfterEarlyReply::Close => self.finish().await,
            AfterEarlyReply::Reset => {
                self.wire.stream.reset_when_closed()?;
                Ok(Then::Close)
            }
            AfterEarlyReply::HalfClose => {
                self.wire.stream.shutdown().await?;
                self.receive(current).await?;
                self.hold().await
            }
            AfterEarlyReply::KeepReading => self.receive(current).await.map(|()| Then::GoOn),
        }
    }

    /// Refuses a request whose body cannot be found on the wire, and with it the connection.
    async fn answer_unread(&mut self, current: &Current) -> io::Result<Then> {
        let judged = self.shared.judge(&current.head, &Bytes::new());
        self.record(current, |seen| seen.refusal = judged.as_ref().err().map(S3Error::reason));
        let answer = self.shared.answer(&current.head, judged).with("Connection", "close");
        self.write(current, &answer, &answer.body_bytes()).await?;
        self.finish_lingering().await
    }

    fn judge_head(&self, current: &Current) {
        let judged = self.shared.judge_head(&current.head);
        self.record(current, |seen| seen.refusal = judged.err().map(|error| error.reason()));
    }
}
