//! Tasks that need a process of their own: because the process's start is measured, its memory, or its instructions.
//!
//! This program starts itself again with a task, and reads what the child prints.

mod cold;
mod memory;
mod repeat;

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use tokio::runtime::{Builder, Runtime};

use crate::Result;
use crate::clients::{Over, Roots};
use crate::server::Site;

/// The argument that makes this program a child; the task follows, in words, and where the server is.
pub const CHILD: &str = "--child";

/// A task: what to do, by which client, and how.
pub type Task = [String; 3];

/// Does a child's task.
pub fn run(arguments: &[String]) -> Result<()> {
    let [what, client, how, site @ ..] = arguments else { return Err("a child needs a task".into()) };
    let site = Site::from_arguments(site)?;
    match what.as_str() {
        "open" => cold::open(client, over(how)?, &site),
        "nothing" => cold::nothing(),
        "first" => cold::first(client, over(how)?, &site),
        "many" => memory::many(client, &site),
        "slow" => memory::slow(client, &site),
        "repeat" => repeat::run(client, how.parse()?, &site),
        _ => Err(format!("no child does {what}").into()),
    }
}

/// Adds a task to a command that starts this program.
pub fn with_task(mut command: Command, task: &Task, site: &Site) -> Command {
    command.arg(CHILD).args(task).args(site.to_arguments());
    command
}

/// Runs a child and returns the figures of the line it prints, as soon as that is there, and then waits for its end.
pub fn figures<R>(task: &Task, site: &Site, then: impl FnOnce(Vec<u64>) -> R) -> Result<R> {
    let mut command = with_task(Command::new(env::current_exe()?), task, site);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("the output was asked for as a pipe")).read_line(&mut line)?;
    let figures = line.split_ascii_whitespace().map(|word| word.parse().map_err(|_| format!("{task:?} says {line}")));
    let result = then(figures.collect::<std::result::Result<_, _>>()?);
    let status = child.wait()?;
    if status.success() { Ok(result) } else { Err(format!("{task:?} ended with {status}").into()) }
}

fn over(name: &str) -> Result<Over> {
    match name {
        "http" => Ok(Over::Http),
        "bundled" => Ok(Over::Https(Roots::Bundled)),
        "native" => Ok(Over::Https(Roots::Native)),
        _ => Err(format!("no client speaks {name}").into()),
    }
}

fn runtime() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}
