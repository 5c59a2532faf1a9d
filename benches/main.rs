//! What s3lite costs beside raw hyper: CPU time, allocations and wall time, in one run. `README.md` says how to read it.

mod clients;
mod measure;
mod rows;
mod server;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use self::measure::{Allocations, Extent, Suite};
use self::server::Server;

#[global_allocator]
static ALLOCATIONS: Allocations = Allocations;

/// Whatever stops a measurement: the figures of a run with errors are worth nothing.
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const USAGE: &str = "cargo bench -- [--quick] [--unpinned] [FILTER]";

fn main() -> ExitCode {
    let done = match Arguments::read() {
        Ok(Arguments { mode: Mode::Nothing, .. }) => Ok(()),
        Ok(Arguments { mode: Mode::NullServer, .. }) => server::run(),
        Ok(arguments) => measure_all(&arguments),
        Err(error) => Err(error),
    };
    if let Err(error) = done {
        eprintln!("bench: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn measure_all(arguments: &Arguments) -> Result<()> {
    let pinned = arguments.pinned || arguments.may_pin && measure::pin_by_restart();
    let server = Server::start(pinned)?;
    let extent = if arguments.quick { Extent::QUICK } else { Extent::FULL };
    let mut suite = Suite::new(server.address(), extent, arguments.filter.clone())?;
    suite.print_heading(pinned);
    rows::small::measure(&mut suite)?;
    rows::stream::measure(&mut suite)?;
    rows::listing::measure(&mut suite)?;
    rows::signing::measure(&mut suite)?;
    suite.print_footing()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Nothing,
    Measure,
    NullServer,
}

struct Arguments {
    mode: Mode,
    quick: bool,
    may_pin: bool,
    pinned: bool,
    filter: Option<String>,
}

impl Arguments {
    /// `cargo bench` passes `--bench`, `cargo test --benches` does not: a test run only sees that this compiles.
    fn read() -> Result<Self> {
        let mut arguments = Self { mode: Mode::Nothing, quick: false, may_pin: true, pinned: false, filter: None };
        let mut test = false;
        for argument in env::args().skip(1) {
            match argument.as_str() {
                "--bench" => arguments.mode = Mode::Measure,
                "--test" => test = true,
                "--quick" => arguments.quick = true,
                "--unpinned" => arguments.may_pin = false,
                measure::PINNED => arguments.pinned = true,
                server::NULL_SERVER => arguments.mode = Mode::NullServer,
                flag if flag.starts_with('-') => return Err(format!("{flag} is unknown: {USAGE}").into()),
                _ => arguments.filter = Some(argument),
            }
        }
        if test {
            arguments.mode = Mode::Nothing;
        }
        Ok(arguments)
    }
}
