//! Every kind of runtime that a user's program may have.
//!
//! A test of the client says `#[apply(in_every_runtime)]` and is run in each kind, one after the other. What a task of hyper's
//! does beside the caller on another thread is seen in some of them only.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tokio::runtime::{Builder, Runtime};

/// A kind of runtime, and where in it the caller runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Worker threads; `None` for a current-thread runtime.
    workers: Option<usize>,
    /// The caller is a task of its own. Otherwise it is what `block_on` waits for, as under `#[tokio::main]`.
    spawned: bool,
}

/// All kinds. `S3LITE_TEST_RUNTIME` names one of them, by its [`Display`](fmt::Display), to run no other.
pub fn kinds() -> Vec<Kind> {
    let workers = [None, Some(1), Some(2), Some(4)];
    let all = workers.into_iter().flat_map(|workers| [false, true].map(|spawned| Kind { workers, spawned }));
    let only = std::env::var("S3LITE_TEST_RUNTIME").ok();
    let kinds: Vec<_> = all.filter(|kind| only.as_ref().is_none_or(|only| *only == kind.to_string())).collect();
    assert!(!kinds.is_empty(), "S3LITE_TEST_RUNTIME names no kind of runtime: {only:?}");
    kinds
}

/// Runs a test in every kind of runtime. The kind in which it fails is printed.
pub fn run<F: Future<Output = ()> + Send + 'static>(test: impl Fn() -> F) {
    for kind in kinds() {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| kind.run(test()))) {
            eprintln!("in a runtime of the kind {kind}");
            resume_unwind(panic);
        }
    }
}

impl Kind {
    pub fn runtime(self) -> Runtime {
        let mut builder = match self.workers {
            None => Builder::new_current_thread(),
            Some(_) => Builder::new_multi_thread(),
        };
        if let Some(workers) = self.workers {
            builder.worker_threads(workers);
        }
        builder.enable_all().build().expect("a runtime")
    }

    /// Runs a future to its end.
    pub fn run<T: Send + 'static>(self, future: impl Future<Output = T> + Send + 'static) -> T {
        let runtime = self.runtime();
        if !self.spawned {
            return runtime.block_on(future);
        }
        let ended = runtime.block_on(runtime.spawn(future));
        ended.unwrap_or_else(|error| resume_unwind(error.into_panic()))
    }
}

impl fmt::Display for Kind {
    /// `current-block_on`, `multi2-spawn` and their like.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.workers {
            None => f.write_str("current")?,
            Some(workers) => write!(f, "multi{workers}")?,
        }
        f.write_str(if self.spawned { "-spawn" } else { "-block_on" })
    }
}

/// Makes a test of an async function, for `#[apply(in_every_runtime)]`.
#[allow(unused_macros, reason = "not every suite that includes this file has tests of the client")]
macro_rules! in_every_runtime {
    ($(#[$attribute:meta])* $visibility:vis async fn $name:ident() $body:block) => {
        $(#[$attribute])*
        #[test]
        $visibility fn $name() {
            $crate::support::runtimes::run(|| async $body);
        }
    };
}
#[allow(unused_imports, reason = "as above")]
pub(crate) use in_every_runtime;
