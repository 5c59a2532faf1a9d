//! Holds the figures against their bounds.

use crate::Result;
use crate::bounds::{ALL, Bound, FLOOR, Limit};
use crate::measure::{Measured, Suite, figure};
use crate::rows::instructions;

/// Compares what was measured with its bounds, prints all of it, and fails if a figure is over.
pub fn check(suite: &Suite, is_asked: fn(Limit) -> bool) -> Result<()> {
    println!("\n{:<20} {:<18} {:<24} {:>10} {:>10}", "bounds", "client", "figure", "measured", "at most");
    let (mut over, mut missing) = (Vec::new(), Vec::new());
    let counted = instructions::is_there();
    let bounds = ALL.iter().filter(|bound| is_asked(bound.limit) && (counted || bound.row != instructions::ROW));
    for bound in bounds {
        let Some(Compared { what, measured, limit }) = compare(suite, bound) else {
            missing.push(format!("{}/{}", bound.row, bound.client));
            continue;
        };
        let verdict = if measured <= limit { "" } else { "  OVER" };
        let (row, client) = (bound.row, bound.client);
        println!("{row:<20} {client:<18} {what:<24} {:>10} {:>10}{verdict}", figure(measured), figure(limit));
        if measured > limit {
            over.push(format!("{row}/{client}: {what} {} > {}", figure(measured), figure(limit)));
        }
    }
    // A bound whose row was renamed would hold nothing, and nobody would notice.
    missing.retain(|_| !suite.is_filtered());
    if !missing.is_empty() {
        return Err(format!("not measured: {}", missing.join(", ")).into());
    }
    if over.is_empty() { Ok(()) } else { Err(format!("over the bound:\n  {}", over.join("\n  ")).into()) }
}

struct Compared {
    what: String,
    measured: f64,
    limit: f64,
}

/// Nothing if the line was not measured.
fn compare(suite: &Suite, bound: &Bound) -> Option<Compared> {
    if let Limit::Reading(what, limit) = bound.limit {
        let is_meant = |row: &str, client: &str| (row, client) == (bound.row, bound.client);
        let mut readings = suite.readings().iter().filter(|reading| is_meant(&reading.row, reading.client));
        let measured = readings.find(|reading| reading.what == what)?.value;
        return Some(Compared { what: what.to_owned(), measured, limit });
    }
    let line = |client: &str| suite.measured().iter().find(|line| line.row == bound.row && line.client == client);
    let meant = line(bound.client)?;
    let (what, measured, limit) = match bound.limit {
        Limit::Allocations(limit) => ("allocations".into(), allocations(meant), limit),
        Limit::Cpu(limit) => (format!("CPU, {}", meant.unit.name), cpu(meant), limit),
        Limit::Wall(limit) => (format!("wall, {}", meant.unit.name), wall(meant), limit),
        Limit::TimesHyper(times, 0.0) => ("CPU x hyper".into(), least(meant) / least(line(FLOOR)?), times),
        Limit::TimesHyper(times, more) => {
            let more_seconds = more * meant.unit.nanoseconds * meant.unit.count / 1e9;
            let measured = (least(meant) - more_seconds) / least(line(FLOOR)?);
            (format!("CPU x hyper, less {more} µs"), measured, times)
        }
        Limit::TimesLine(other, times) => (format!("CPU x ({other})"), least(meant) / least(line(other)?), times),
        Limit::HyperAnd(other) => {
            let both = least(line(FLOOR)?) + least(line(other)?);
            ("CPU x (hyper + SHA-256)".into(), least(meant) / both, 1.0)
        }
        Limit::Reading(..) => return None,
    };
    Some(Compared { what, measured, limit })
}

fn allocations(line: &Measured) -> f64 {
    // A connection's first use, or a buffer that grows once in a while, is no part of an operation.
    line.spread(|cost| cost.allocations as f64).median.round()
}

fn cpu(line: &Measured) -> f64 {
    line.spread(|cost| cost.cpu.as_secs_f64()).median * 1e9 / line.unit.nanoseconds
}

fn wall(line: &Measured) -> f64 {
    line.spread(|cost| cost.wall.as_secs_f64()).median * 1e9 / line.unit.nanoseconds
}

/// The least CPU time of a sample, in seconds.
fn least(line: &Measured) -> f64 {
    line.costs.iter().map(|cost| cost.cpu.as_secs_f64()).fold(f64::INFINITY, f64::min)
}
