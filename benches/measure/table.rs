//! The table: medians, how far the samples lie apart, and each client beside raw hyper.

use std::fs;

use super::cost::{Cost, TICK};
use super::{BASELINE, Measured, Spread};

const HEADING: &str = "\
row                  client             per          CPU  spread    x hyper  (from to)       user        wall  allocations        bytes";

/// User time comes in ticks; of fewer than these it would be a guess.
const ENOUGH_TICKS: u32 = 10;

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

/// Prints a row's lines.
pub fn print_row(lines: &[Measured]) {
    let baseline = lines.iter().find(|line| line.client == BASELINE).map(|line| line.costs.as_slice());
    for line in lines {
        let of = |part: fn(&Cost) -> f64| line.spread(part);
        let cpu = of(|cost| cost.cpu.as_nanos() as f64 / 1e9);
        let (Measured { row, client, unit, .. }, time) = (line, |seconds: f64| seconds * 1e9 / line.unit.nanoseconds);
        println!(
            "{row:<20} {client:<18} {:<6} {:>9} {:>6.0}%  {} {:>10} {:>11} {:>12} {:>12}",
            unit.name,
            figure(time(cpu.median)),
            cpu.percent(),
            ratio(&line.costs, baseline),
            user(line),
            figure(time(of(|cost| cost.wall.as_secs_f64()).median)),
            figure(of(|cost| cost.allocations as f64).median),
            figure(of(|cost| cost.allocated_bytes as f64).median),
        );
    }
}

fn user(line: &Measured) -> String {
    let enough = line.costs.iter().all(|cost| cost.user >= TICK * ENOUGH_TICKS);
    if !enough {
        return "-".to_owned();
    }
    figure(line.spread(|cost| cost.user.as_secs_f64()).median * 1e9 / line.unit.nanoseconds)
}

pub fn print_footing() {
    println!(
        "\nCPU is user and system time of the client process. CPU, wall, allocations and allocated bytes are medians; \
         spread is the\ndistance of the farthest CPU samples, in percent of the median. x hyper compares CPU time round \
         by round: the median\nof the rounds' ratios, and the lowest and highest. user is the part of CPU outside the kernel, \
         where there is enough of it."
    );
}

/// Each round's ratio by itself: both samples were taken within a second, on the machine as it was then.
fn ratio(costs: &[Cost], baseline: Option<&[Cost]>) -> String {
    let Some(baseline) = baseline else { return format!("{:>8}  {:<13}", "-", "") };
    let ratios = costs.iter().zip(baseline).map(|(cost, base)| cost.cpu.as_secs_f64() / base.cpu.as_secs_f64());
    let ratio = Spread::of(ratios);
    format!("{:>8.2}  {:<13}", ratio.median, format!("({:.2} {:.2})", ratio.low, ratio.high))
}

/// Three or four digits that mean something.
pub fn figure(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 1000.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}
