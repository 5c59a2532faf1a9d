//! Holds the figures against their bounds.

use crate::Result;
use crate::bounds::{ALL, Bound, FLOOR, Limit};
use crate::measure::{Measured, Suite, figure};
use crate::rows::instructions;

/// How often a row is measured that is over its bound, before it is said to be.
const VISITS: usize = 3;

/// Measures rows that are over a bound again, at another time, and adds the samples of all their lines: other work on the
/// machine comes and goes, and what is slower stays slower.
pub fn visit_again(suite: &mut Suite, measure: fn(&mut Suite) -> Result<()>) -> Result<()> {
    for _ in 1..VISITS {
        let is_over = |bound: &&Bound| compare(suite, bound).is_some_and(|compared| compared.is_over());
        let vary = ALL.iter().filter(|bound| !bound.limit.is_stable());
        let mut rows: Vec<_> = vary.filter(is_over).map(|bound| bound.row).collect();
        rows.dedup();
        if rows.is_empty() {
            return Ok(());
        }
        println!("\nover a bound, so measured once more: {}", rows.join(", "));
        suite.measure_only(rows);
        measure(suite)?;
    }
    Ok(())
}

/// Compares what was measured with its bounds, prints all of it, and fails if a figure is over.
pub fn check(suite: &Suite, is_asked: fn(Limit) -> bool) -> Result<()> {
    println!("\n{:<20} {:<18} {:<24} {:>10} {:>10}", "bounds", "client", "figure", "measured", "at most");
    let (mut over, mut missing) = (Vec::new(), Vec::new());
    let counted = instructions::is_there();
    let bounds = ALL.iter().filter(|bound| is_asked(bound.limit) && (counted || bound.row != instructions::ROW));
    for bound in bounds {
        let Some(compared) = compare(suite, bound) else {
            missing.push(format!("{}/{}", bound.row, bound.client));
            continue;
        };
        let is_over = compared.is_over();
        let verdict = if is_over { "  OVER" } else { "" };
        let Compared { what, measured, limit } = compared;
        let (row, client) = (bound.row, bound.client);
        println!("{row:<20} {client:<18} {what:<24} {:>10} {:>10}{verdict}", figure(measured), figure(limit));
        if is_over {
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

impl Compared {
    fn is_over(&self) -> bool {
        self.measured > self.limit || self.measured.is_nan()
    }
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
        Limit::TimesHyper(times, 0.0) => ("CPU x hyper".into(), undisturbed(meant) / undisturbed(line(FLOOR)?), times),
        Limit::TimesHyper(times, more) => {
            let more_seconds = more * meant.unit.nanoseconds * meant.unit.count / 1e9;
            let measured = (undisturbed(meant) - more_seconds) / undisturbed(line(FLOOR)?);
            (format!("CPU x hyper, less {more} µs"), measured, times)
        }
        Limit::TimesLine(other, times) => {
            (format!("CPU x ({other})"), undisturbed(meant) / undisturbed(line(other)?), times)
        }
        Limit::HyperAnd(other) => {
            let both = undisturbed(line(FLOOR)?) + undisturbed(line(other)?);
            ("CPU x (hyper + SHA-256)".into(), undisturbed(meant) / both, 1.0)
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
    undisturbed(line) * 1e9 / line.unit.nanoseconds / line.unit.count
}

fn wall(line: &Measured) -> f64 {
    line.spread(|cost| cost.wall.as_secs_f64()).median * 1e9 / line.unit.nanoseconds
}

/// A sample's CPU time in seconds, where little disturbed it: the lower quartile. The least sample is luck.
fn undisturbed(line: &Measured) -> f64 {
    let mut samples: Vec<_> = line.costs.iter().map(|cost| cost.cpu.as_secs_f64()).collect();
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 4]
}
