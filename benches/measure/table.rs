//! The table: medians, how far the samples lie apart, and each client beside raw hyper.

use std::fs;

use super::cost::Cost;
use super::{BASELINE, Unit};

const HEADING: &str = "\
row                  client             per          CPU  spread    x hyper  (from to)        wall  allocations        bytes";

pub fn print_heading(rounds: usize, pinned: bool) {
    let place = if pinned { "the client has a core of its own" } else { "nothing is pinned to a core" };
    println!("{rounds} rounds after one to warm up; {place}; {}", load());
    println!("\n{HEADING}");
}

/// Other work on the machine makes the figures worse; who reads them should know.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    match text.split(' ').next() {
        Some(load) if !load.is_empty() => format!("load average {load} before"),
        _ => "load average unknown".to_owned(),
    }
}

/// Prints a row's lines: per line a client and its samples.
pub fn print_row(row: &str, unit: Unit, lines: &[(&str, Vec<Cost>)]) {
    let baseline = lines.iter().find(|(client, _)| *client == BASELINE).map(|(_, costs)| costs.as_slice());
    for (client, costs) in lines {
        let time = |nanoseconds: f64| nanoseconds / unit.count / unit.nanoseconds;
        let cpu = Spread::of(costs.iter().map(|cost| time(cost.cpu.as_nanos() as f64)));
        let wall = Spread::of(costs.iter().map(|cost| time(cost.wall.as_nanos() as f64)));
        let allocations = Spread::of(costs.iter().map(|cost| cost.allocations as f64 / unit.count));
        let bytes = Spread::of(costs.iter().map(|cost| cost.allocated_bytes as f64 / unit.count));
        println!(
            "{row:<20} {client:<18} {:<6} {:>9} {:>6.0}%  {} {:>11} {:>12} {:>12}",
            unit.name,
            figure(cpu.median),
            cpu.percent(),
            ratio(costs, baseline),
            figure(wall.median),
            figure(allocations.median),
            figure(bytes.median),
        );
    }
}

pub fn print_footing() {
    println!(
        "\nCPU is user and system time of the client process. CPU, wall, allocations and allocated bytes are medians; \
         spread is the\ndistance of the farthest CPU samples, in percent of the median. x hyper compares CPU time round \
         by round: the median\nof the rounds' ratios, and the lowest and highest."
    );
}

/// Each round's ratio by itself: both samples were taken within a second, on the machine as it was then.
fn ratio(costs: &[Cost], baseline: Option<&[Cost]>) -> String {
    let Some(baseline) = baseline else { return format!("{:>8}  {:<13}", "-", "") };
    let ratios = costs.iter().zip(baseline).map(|(cost, base)| cost.cpu.as_secs_f64() / base.cpu.as_secs_f64());
    let ratio = Spread::of(ratios);
    format!("{:>8.2}  {:<13}", ratio.median, format!("({:.2} {:.2})", ratio.low, ratio.high))
}

struct Spread {
    low: f64,
    median: f64,
    high: f64,
}

impl Spread {
    fn of(samples: impl Iterator<Item = f64>) -> Self {
        let mut samples: Vec<f64> = samples.collect();
        samples.sort_by(f64::total_cmp);
        let at = |index: usize| samples.get(index).copied().unwrap_or(f64::NAN);
        Self { low: at(0), median: at(samples.len() / 2), high: at(samples.len().saturating_sub(1)) }
    }

    fn percent(&self) -> f64 {
        (self.high - self.low) / self.median * 100.0
    }
}

/// Three or four digits that mean something.
fn figure(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 1000.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}
