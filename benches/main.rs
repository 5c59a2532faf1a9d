//! What s3lite costs beside raw hyper: CPU time, allocations and wall time, in one run. `README.md` says how to read it.

mod arguments;
mod bounds;
mod check;
mod child;
mod clients;
mod measure;
mod rows;
mod server;

use std::error::Error;
use std::process::ExitCode;

use self::arguments::{Arguments, Check, Mode};
use self::bounds::Limit;
use self::measure::{Allocations, Extent, Suite};
use self::server::Server;

#[global_allocator]
static ALLOCATIONS: Allocations = Allocations;

/// Whatever stops a measurement: the figures of a run with errors are worth nothing.
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    if let Err(error) = Arguments::read().and_then(run) {
        eprintln!("bench: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn run(arguments: Arguments) -> Result<()> {
    match &arguments.mode {
        Mode::Nothing => Ok(()),
        Mode::NullServer(authority) => server::run(authority),
        Mode::Child(task) => child::run(task),
        Mode::Measure => measure_all(&arguments),
    }
}

fn measure_all(arguments: &Arguments) -> Result<()> {
    let pinned = arguments.pinned || arguments.may_pin && measure::pin_by_restart();
    let server = Server::start(pinned)?;
    let extent = match arguments.check {
        Check::Stable => Extent::COUNTS,
        _ if arguments.quick => Extent::QUICK,
        _ => Extent::FULL,
    };
    let mut suite = Suite::new(server.site(), extent, arguments.filter.clone())?;
    suite.print_heading(pinned);
    if arguments.check == Check::Stable {
        measure_stable(&mut suite)?;
    } else {
        measure_bounded(&mut suite)?;
    }
    match arguments.check {
        Check::None => rows::throughput::measure(&mut suite)?,
        Check::All => check::visit_again(&mut suite, measure_bounded)?,
        Check::Stable => {}
    }
    suite.print_footing();
    suite.demand_lines()?;
    match arguments.check {
        Check::None => Ok(()),
        Check::All => check::check(&suite, |_| true),
        Check::Stable => check::check(&suite, Limit::is_stable),
    }
}

/// Everything that has a bound.
fn measure_bounded(suite: &mut Suite) -> Result<()> {
    rows::small::measure(suite)?;
    rows::stream::measure(suite)?;
    rows::listing::measure(suite)?;
    rows::signing::measure(suite)?;
    rows::cold::measure(suite)?;
    rows::memory::measure(suite)?;
    rows::instructions::measure(suite)
}

/// Only what a busy machine does not disturb.
fn measure_stable(suite: &mut Suite) -> Result<()> {
    rows::small::count(suite)?;
    rows::signing::measure(suite)?;
    rows::memory::measure(suite)?;
    rows::instructions::measure(suite)
}
