//! All that an observer is told, and all that is emitted as events.

use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use s3lite::{Attempt, AttemptEnd, Observer};

use crate::{ACCOUNT, all_words};

/// What was said to anybody by any test of this process.
static HEARD: Mutex<String> = Mutex::new(String::new());

fn heard() -> MutexGuard<'static, String> {
    HEARD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes down everything that it is told.
pub struct Listener;

impl Observer for Listener {
    fn attempt_started(&self, attempt: &Attempt<'_>) {
        events::listen();
        let because = attempt.because.map(all_words);
        writeln!(heard(), "{attempt:?} {attempt:#?} {because:?}").expect("a String takes every text");
    }

    fn attempt_ended(&self, attempt: &Attempt<'_>, end: &AttemptEnd<'_>) {
        let error = end.error.map(all_words);
        writeln!(heard(), "{attempt:?} {end:?} {end:#?} {error:?}").expect("a String takes every text");
    }
}

/// Demands that something was heard, and nothing that is a secret.
pub fn assert_silent() {
    let text = heard().clone();
    assert!(text.contains("PutObject"), "nothing was heard");
    crate::assert_silent("an observer or event", &text);
    assert!(!text.contains(ACCOUNT), "an observer or event names the account: {text}");
    events::assert_emitted(&text);
}

#[cfg(not(feature = "tracing"))]
mod events {
    pub fn listen() {}

    pub fn assert_emitted(_: &str) {}
}

#[cfg(feature = "tracing")]
mod events {
    use std::fmt::{Debug, Write};
    use std::sync::Once;

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    /// Takes note of what this crate emits, at every level.
    struct Log;

    /// Each field of an event, with its name.
    struct Fields(String);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            write!(self.0, " {field}={value:?} {value:#?}").expect("a String takes every text");
        }
    }

    impl Subscriber for Log {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target().starts_with("s3lite")
        }

        fn new_span(&self, span: &Attributes<'_>) -> Id {
            let mut fields = Fields(format!("event {}", span.metadata().name()));
            span.record(&mut fields);
            super::heard().push_str(&fields.0);
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, values: &Record<'_>) {
            let mut fields = Fields("event".to_owned());
            values.record(&mut fields);
            super::heard().push_str(&fields.0);
        }

        fn event(&self, event: &Event<'_>) {
            let mut fields = Fields("event".to_owned());
            event.record(&mut fields);
            super::heard().push_str(&(fields.0 + "\n"));
        }

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    /// Listens from now on.
    pub fn listen() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| tracing::subscriber::set_global_default(Log).expect("nobody else listens"));
    }

    pub fn assert_emitted(text: &str) {
        assert!(text.contains("event message=attempt ended"), "no event was emitted: {text}");
    }
}
