//! 1 GiB goes out and comes in, from and to a file, a reader and a socket, and a source trickles, within 32 MiB of memory for
//! the whole process.
//!
//! Each transfer runs in a process of its own, this same program started again, so that its peak is its own. The server is
//! here, in the parent, and keeps nothing.

mod server;
#[path = "../support/threads.rs"]
mod threads;
mod transfer;

use std::process::Command;

/// The bound on the peak of resident memory (VmHWM) of a process that transfers so much.
const LIMIT_KIB: u64 = 32 << 10;

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("transfer") {
        let (kind, port) = (arguments.next().expect("a kind"), arguments.next().expect("a port"));
        return transfer::run(&kind, port.parse().expect("a port"));
    }
    let port = server::start();
    let mut failures = 0;
    for kind in transfer::KINDS {
        match peak_of(kind, port) {
            Ok(peak) => {
                let fits = peak <= LIMIT_KIB;
                failures += usize::from(!fits);
                println!("{kind}: {:.1} MiB at most{}", peak as f64 / 1024.0, if fits { "" } else { " - TOO MUCH" });
            }
            Err(problem) => {
                failures += 1;
                println!("{kind}: {problem}");
            }
        }
    }
    println!("{} passed, {failures} failed", transfer::KINDS.len() - failures);
    std::process::exit(i32::from(failures > 0));
}

/// Runs a transfer and returns its peak in KiB.
fn peak_of(kind: &str, port: u16) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let child = Command::new(program).args(["transfer", kind, &port.to_string()]).output();
    let output = child.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(format!("failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    text.trim().parse().map_err(|_| format!("printed {text:?}"))
}
