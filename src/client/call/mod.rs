//! One operation: the attempt loop, what an attempt is made of, what is learned of it, and who is told.

pub(super) mod attempts;
pub(super) mod lesson;
pub(super) mod observe;
pub(super) mod outgoing;
pub(super) mod reading;
