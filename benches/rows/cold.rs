//! From the start of a process to the first byte of its first object, and opening a store alone.
//!
//! Every operation is a process of its own. Its CPU time is its own, counted from its start; its wall time is this process's,
//! from before the child was started until it told that it was done.

use std::time::{Duration, Instant};

use crate::Result;
use crate::child::{self, Task};
use crate::measure::{BASELINE, Cost, Line, Suite, Unit};
use crate::server::Site;

/// Processes in a sample.
const STARTS: u32 = 10;

/// The rows: what a child does, and what it connects over.
const FIRST: [(&str, &str); 3] =
    [("first-byte-http", "http"), ("first-byte-https", "bundled"), ("first-byte-https-os", "native")];
const OPEN: [(&str, &str); 2] = [("open", "bundled"), ("open-os", "native")];

pub fn measure(suite: &mut Suite) -> Result<()> {
    for (row, over) in FIRST {
        let lines = [
            line(suite, "an empty process", "nothing", over),
            line(suite, BASELINE, "first", over),
            line(suite, "s3lite", "first", over),
        ];
        suite.measure(row, Unit::microseconds_per("µs", f64::from(STARTS)), lines)?;
    }
    for (row, over) in OPEN {
        let lines = [line(suite, "s3lite", "open", over)];
        suite.measure(row, Unit::microseconds_per("µs", f64::from(STARTS)), lines)?;
    }
    Ok(())
}

fn line(suite: &Suite, client: &'static str, what: &str, over: &str) -> Line {
    let (site, task): (_, Task) = (suite.site(), [what, client, over].map(str::to_owned));
    Line::told(client, move || {
        let mut sum = Cost::default();
        for _ in 0..STARTS {
            sum += start(&task, &site)?;
        }
        Ok(sum)
    })
}

fn start(task: &Task, site: &Site) -> Result<Cost> {
    let started = Instant::now();
    child::figures(task, site, |figures| {
        let [cpu, wall, allocations, allocated_bytes] = figures[..] else { return Err("a child tells four".into()) };
        // A part of a process's life was measured inside; the whole of it only here can be.
        let wall = if wall > 0 { Duration::from_nanos(wall) } else { started.elapsed() };
        Ok(Cost { cpu: Duration::from_nanos(cpu), wall, allocations, allocated_bytes, ..Cost::default() })
    })?
}
