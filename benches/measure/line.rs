//! A client's line in a row: how it is got ready, and the work of a sample.

use tokio::runtime::Runtime;

use super::cost::{Cost, Meter};
use crate::Result;

/// One sample's work; called again for every sample.
pub type Work = Box<dyn FnMut(&Runtime) -> Result<()>>;

/// Work that tells its cost.
pub(super) type Sample = Box<dyn FnMut(&Runtime) -> Result<Cost>>;

type Prepare = Box<dyn FnOnce(&Runtime) -> Result<Sample>>;

/// One client's line in a row. Its connections are opened only if it is measured.
pub struct Line {
    pub(super) client: &'static str,
    pub(super) prepare: Prepare,
}

impl Line {
    /// A line whose work is done by this process, and measured here.
    pub fn new(client: &'static str, prepare: impl FnOnce(&Runtime) -> Result<Work> + 'static) -> Self {
        let prepare = |runtime: &Runtime| {
            let mut work = prepare(runtime)?;
            Ok(Box::new(move |runtime: &Runtime| {
                let meter = Meter::start()?;
                work(runtime)?;
                meter.stop()
            }) as Sample)
        };
        Self { client, prepare: Box::new(prepare) }
    }

    /// A line whose work tells its cost by itself, because other processes do it.
    pub fn told(client: &'static str, mut sample: impl FnMut() -> Result<Cost> + 'static) -> Self {
        Self { client, prepare: Box::new(|_| Ok(Box::new(move |_| sample()))) }
    }
}
