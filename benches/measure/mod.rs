//! Runs the lines of a row in turn, round after round, so that what disturbs the machine meets all of them alike.

mod cost;
mod pin;
mod table;

use std::net::SocketAddr;

use tokio::runtime::{Builder, Runtime};

pub use self::cost::Allocations;
use self::cost::{Cost, Meter};
pub use self::pin::{Cores, PINNED, pin_by_restart, pinned_self};
use crate::Result;

/// The client that the others are compared with, in rows where it is measured.
pub const BASELINE: &str = "hyper";

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Extent {
    /// Samples of each line; a row's figures are their medians.
    pub rounds: usize,
    /// Operations of a sample, one at a time.
    pub operations: u32,
    /// Bytes of a sample of a stream.
    pub stream_bytes: u64,
}

impl Extent {
    pub const FULL: Self = Self { rounds: 5, operations: 8000, stream_bytes: 1 << 30 };
    pub const QUICK: Self = Self { rounds: 3, operations: 2000, stream_bytes: 128 << 20 };
}

/// What a row's figures are per.
#[derive(Clone, Copy)]
pub struct Unit {
    pub name: &'static str,
    /// Nanoseconds in one unit of time.
    pub nanoseconds: f64,
    /// How many of what is counted one sample does.
    pub count: f64,
}

impl Unit {
    pub fn microseconds_per(name: &'static str, count: f64) -> Self {
        Self { name, nanoseconds: 1e3, count }
    }

    pub fn milliseconds_per_gibibyte(bytes: u64) -> Self {
        Self { name: "ms/GiB", nanoseconds: 1e6, count: bytes as f64 / f64::from(1 << 30) }
    }
}

/// One sample's work; called again for every sample.
pub type Work = Box<dyn FnMut(&Runtime) -> Result<()>>;

type Prepare = Box<dyn FnOnce(&Runtime) -> Result<Work>>;

/// One client's line in a row. Its connections are opened only if it is measured.
pub struct Line {
    client: &'static str,
    prepare: Prepare,
}

impl Line {
    pub fn new(client: &'static str, prepare: impl FnOnce(&Runtime) -> Result<Work> + 'static) -> Self {
        Self { client, prepare: Box::new(prepare) }
    }
}

/// The whole run.
pub struct Suite {
    server: SocketAddr,
    extent: Extent,
    filter: Option<String>,
    runtime: Runtime,
    rows: usize,
}

impl Suite {
    pub fn new(server: SocketAddr, extent: Extent, filter: Option<String>) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { server, extent, filter, runtime, rows: 0 })
    }

    pub fn server(&self) -> SocketAddr {
        self.server
    }

    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// Measures the lines that the filter lets through, and prints them. A filter is the beginning of `row/client`.
    pub fn measure(&mut self, row: &str, unit: Unit, lines: impl IntoIterator<Item = Line>) -> Result<()> {
        let mut measured = Vec::new();
        for line in lines {
            let name = format!("{row}/{}", line.client);
            if self.filter.as_ref().is_none_or(|filter| name.starts_with(filter.as_str())) {
                let mut work = (line.prepare)(&self.runtime)?;
                work(&self.runtime).map_err(|error| format!("{name}: {error}"))?;
                measured.push((line.client, work, Vec::with_capacity(self.extent.rounds)));
            }
        }
        for _ in 0..self.extent.rounds {
            for (_, work, costs) in &mut measured {
                costs.push(self.sample(work)?);
            }
        }
        let lines: Vec<_> = measured.into_iter().map(|(client, _, costs)| (client, costs)).collect();
        self.rows += usize::from(!lines.is_empty());
        table::print_row(row, unit, &lines);
        Ok(())
    }

    fn sample(&self, work: &mut Work) -> Result<Cost> {
        let meter = Meter::start()?;
        work(&self.runtime)?;
        meter.stop()
    }

    pub fn print_heading(&self, pinned: bool) {
        table::print_heading(self.extent.rounds, pinned);
    }

    pub fn print_footing(&self) -> Result<()> {
        if self.rows == 0 {
            return Err("no line begins with the filter".into());
        }
        table::print_footing();
        Ok(())
    }
}
