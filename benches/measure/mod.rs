//! Runs the lines of a row in turn, round after round, so that what disturbs the machine meets all of them alike.

mod allocations;
mod cost;
mod line;
mod pin;
mod spread;
mod table;

use std::cell::Cell;

use tokio::runtime::{Builder, Runtime};

pub use self::allocations::Allocations;
pub use self::cost::{Cost, Meter};
pub use self::line::{Line, Work};
pub use self::pin::{Cores, PINNED, pin_by_restart, pinned_self};
pub use self::spread::Spread;
pub use self::table::figure;
use crate::Result;
use crate::server::Site;

/// The client that the others are compared with, in rows where it is measured.
pub const BASELINE: &str = "hyper";

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Extent {
    /// Samples of each line; a row's figures are their medians.
    pub rounds: usize,
    /// Samples of a stream: they spread more.
    pub stream_rounds: usize,
    /// Operations of a sample, one at a time.
    pub operations: u32,
    /// Bytes of a sample of a stream.
    pub stream_bytes: u64,
}

impl Extent {
    pub const FULL: Self = Self { rounds: 7, stream_rounds: 8, operations: 8000, stream_bytes: 1 << 30 };
    pub const QUICK: Self = Self { rounds: 3, stream_rounds: 3, operations: 2000, stream_bytes: 128 << 20 };
    /// Enough for what does not vary.
    pub const COUNTS: Self = Self { rounds: 1, stream_rounds: 1, operations: 500, stream_bytes: 1 << 20 };
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

/// What was measured of a line, kept for the comparison with its bounds.
pub struct Measured {
    pub row: String,
    pub client: &'static str,
    pub unit: Unit,
    pub costs: Vec<Cost>,
}

impl Measured {
    /// A part of the samples' cost, per what is counted.
    pub fn spread(&self, part: fn(&Cost) -> f64) -> Spread {
        Spread::of(self.costs.iter().map(|cost| part(cost) / self.unit.count))
    }
}

/// A figure that is no cost of samples: it is read once.
pub struct Reading {
    pub row: String,
    pub client: &'static str,
    pub what: &'static str,
    pub value: f64,
}

/// The whole run.
pub struct Suite {
    site: Site,
    extent: Extent,
    filter: Option<String>,
    /// The only rows that are measured, on a second visit.
    only: Option<Vec<&'static str>>,
    runtime: Runtime,
    measured: Vec<Measured>,
    readings: Vec<Reading>,
    /// Whether anything passed the filter.
    wanted: Cell<bool>,
}

impl Suite {
    pub fn new(site: Site, extent: Extent, filter: Option<String>) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (only, measured, readings, wanted) = (None, Vec::new(), Vec::new(), Cell::new(false));
        Ok(Self { site, extent, filter, only, runtime, measured, readings, wanted })
    }

    pub fn site(&self) -> Site {
        self.site.clone()
    }

    pub fn extent(&self) -> Extent {
        self.extent
    }

    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Everything that was measured so far.
    pub fn measured(&self) -> &[Measured] {
        &self.measured
    }

    /// Says whether the filter lets a line through: it is the beginning of `row/client`, or the whole of it with a `$` behind.
    pub fn wants(&self, row: &str, client: &str) -> bool {
        let name = format!("{row}/{client}");
        let wanted = self.filter.as_ref().is_none_or(|filter| match filter.strip_suffix('$') {
            Some(whole) => name == whole,
            None => name.starts_with(filter.as_str()),
        });
        self.wanted.set(self.wanted.get() || wanted);
        wanted && self.only.as_ref().is_none_or(|only| only.contains(&row))
    }

    /// Lets through some rows alone from now on. What is measured of them adds to what there is.
    pub fn measure_only(&mut self, rows: Vec<&'static str>) {
        self.only = Some(rows);
    }

    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// Takes a reading and prints it.
    pub fn read(&mut self, reading: Reading) {
        let Reading { row, client, what, value } = &reading;
        println!("{row:<20} {client:<18} {what}: {}", figure(*value));
        self.readings.push(reading);
    }

    /// Measures the lines that the filter lets through, and prints them.
    pub fn measure(&mut self, row: &str, unit: Unit, lines: impl IntoIterator<Item = Line>) -> Result<()> {
        self.measure_rounds(self.extent.rounds, row, unit, lines)
    }

    /// As [`measure`](Self::measure), for lines of streams.
    pub fn measure_streams(&mut self, row: &str, unit: Unit, lines: impl IntoIterator<Item = Line>) -> Result<()> {
        self.measure_rounds(self.extent.stream_rounds, row, unit, lines)
    }

    fn measure_rounds(
        &mut self,
        rounds: usize,
        row: &str,
        unit: Unit,
        lines: impl IntoIterator<Item = Line>,
    ) -> Result<()> {
        let mut samples = Vec::new();
        for line in lines {
            if self.wants(row, line.client) {
                let mut sample = (line.prepare)(&self.runtime)?;
                sample(&self.runtime).map_err(|error| format!("{row}/{}: {error}", line.client))?;
                samples.push((line.client, sample, Vec::with_capacity(rounds)));
            }
        }
        for _ in 0..rounds {
            for (_, sample, costs) in &mut samples {
                costs.push(sample(&self.runtime)?);
            }
        }
        let measured =
            samples.into_iter().map(|(client, _, costs)| Measured { row: row.to_owned(), client, unit, costs });
        let measured: Vec<_> = measured.collect();
        table::print_row(&measured);
        measured.into_iter().for_each(|line| self.add(line));
        Ok(())
    }

    fn add(&mut self, new: Measured) {
        let is_same = |line: &&mut Measured| (&line.row, line.client) == (&new.row, new.client);
        match self.measured.iter_mut().find(is_same) {
            Some(line) => line.costs.extend(new.costs),
            None => self.measured.push(new),
        }
    }

    pub fn print_heading(&self, pinned: bool) {
        table::print_heading(self.extent.rounds, pinned);
    }

    pub fn print_footing(&self) {
        table::print_footing();
    }

    /// Says whether some lines were left out.
    pub fn is_filtered(&self) -> bool {
        self.filter.is_some()
    }

    /// A filter that lets nothing through is a mistake.
    pub fn demand_lines(&self) -> Result<()> {
        if self.wanted.get() { Ok(()) } else { Err("no line begins with the filter".into()) }
    }
}
