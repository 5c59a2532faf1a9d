//! What an answer or a failure teaches: the next attempt does not meet it again.

use std::sync::Arc;

use super::Call;
use crate::client::call::lesson::{Failure, Signing};
use crate::client::connection::address::Address;
use crate::client::exchange::transport::Exchange;
use crate::client::load;
use crate::error::ErrorKind;
use crate::response::{Marks, ResponseHead};
use crate::retry::Correction;
use crate::skew::ClockSkew;

/// An upload up to this size takes so little time that the answer's Date tells the service's clock.
const LONGEST_TELLING: u64 = 1 << 20;

impl Call<'_> {
    /// Takes what a failure teaches, so that the next attempt does not meet it again.
    pub(super) fn correction(&mut self, failure: &Failure) -> Option<Correction> {
        let inner = &self.store.inner;
        if let Some(correction) = self.clock_correction(failure) {
            return Some(correction);
        }
        if failure.expected && failure.error.status().is_some_and(|status| status.as_u16() == 417) {
            inner.consent().refused();
            return Some(Correction::Expectation);
        }
        if !failure.answered && failure.error.kind() == ErrorKind::LimitExceeded {
            inner.transport.pool().take_many_headers();
            return Some(Correction::Headers);
        }
        let signed_for = self.address.endpoint().signing_region();
        let region = inner.config.region_to_follow(&failure.error, signed_for)?;
        let address = Arc::new(inner.config.endpoint_in(&region).and_then(Address::new).ok()?);
        self.target = address.endpoint().target(self.request);
        inner.moved_to(address.clone());
        self.address = address;
        Some(Correction::Region)
    }

    /// A time that a refusal's Date tells is tried; if it is refused too, the Date was somebody else's.
    fn clock_correction(&mut self, failure: &Failure) -> Option<Correction> {
        let signed_with = failure.signed_with?;
        if self.skew.is_some() {
            let is_disproved = signed_with.may_be_to_blame(&failure.error);
            self.skew = self.skew.filter(|_| !is_disproved);
            return is_disproved.then_some(Correction::OwnClock);
        }
        self.skew = failure.measured.filter(|measured| measured.explains(&failure.error, signed_with));
        self.skew.map(|_| Correction::Clock)
    }

    /// Takes what an answer's head teaches: of the service's consent, its health, and its clock.
    pub(super) fn learn(
        &self,
        exchange: &mut Exchange<'_>,
        head: &ResponseHead,
        signing: Signing,
    ) -> Option<ClockSkew> {
        let inner = &self.store.inner;
        if exchange.consent_overdue {
            inner.consent().overdue(inner.opened.elapsed());
        }
        if head.status.is_server_error() {
            exchange.retire_connection();
        }
        inner.learned.take_marks(Marks::of(head));
        if head.status.is_success() {
            self.learn_time(exchange, head, signing);
            return None;
        }
        ClockSkew::measure(head, signing.at, load::now())
    }

    /// A success proves the time that it was signed with; its Date makes that exact, if it is the service's own.
    fn learn_time(&self, exchange: &Exchange<'_>, head: &ResponseHead, signing: Signing) {
        let inner = &self.store.inner;
        // The middle of a long upload is not when its answer was written, and a Date has no more than seconds to tell.
        let second = exchange.moment.saturating_duration_since(inner.opened).as_secs();
        let tells_nothing = self.body.wire_length > LONGEST_TELLING || inner.learned.was_measured(second);
        if tells_nothing && self.skew.is_none() {
            return;
        }
        let measured = ClockSkew::measure(head, signing.at, load::now());
        if let Some(measured) = measured.filter(|measured| measured.agrees_with(signing.skew)) {
            inner.learned.take(measured, second);
        } else if self.skew.is_some() {
            inner.learned.take(signing.skew, second);
        }
    }
}
