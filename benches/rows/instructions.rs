//! Instructions in user space of a GET of 4 KiB, counted by callgrind. They hardly vary, whatever else the machine does.
//!
//! Valgrind knows no SHA instructions of the processor, so that the hash runs there as ordinary code, which takes twenty times
//! as many. Both are told: all that was counted, and what the same would be with these instructions.

use std::env;
use std::fs;
use std::process::{Command, Stdio};

use crate::Result;
use crate::child::{Task, with_task};
use crate::measure::{BASELINE, Reading, Suite};
use crate::server::Site;

pub const ROW: &str = "get-4k-callgrind";
pub const COUNTED: &str = "instructions, SHA in code";
pub const MEANT: &str = "instructions";

/// Instructions of a block of SHA-256, 64 bytes: in ordinary code, and with the processor's own, as sha2 0.11 was compiled.
const IN_CODE: f64 = 3100.0;
const IN_HARDWARE: f64 = 160.0;

/// The difference of two runs is free of what starts and ends a process.
const SHORT: u32 = 100;
const LONG: u32 = 1100;

pub fn measure(suite: &mut Suite) -> Result<()> {
    if !is_there() {
        println!("instructions: not counted, there is no valgrind here");
        return Ok(());
    }
    for client in [BASELINE, "hyper-util", "s3lite"] {
        if suite.wants(ROW, client) {
            let (short, long) = (run(client, SHORT, &suite.site())?, run(client, LONG, &suite.site())?);
            let each = |count: fn(&Counts) -> u64| (count(&long) - count(&short)) as f64 / f64::from(LONG - SHORT);
            let (all, hash) = (each(|counts| counts.all), each(|counts| counts.hash));
            let meant = all - hash + hash / IN_CODE * IN_HARDWARE;
            for (what, value) in [(COUNTED, all), (MEANT, meant)] {
                suite.read(Reading { row: ROW.to_owned(), client, what, value });
            }
        }
    }
    Ok(())
}

pub fn is_there() -> bool {
    let version = Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

struct Counts {
    all: u64,
    hash: u64,
}

fn run(client: &str, times: u32, site: &Site) -> Result<Counts> {
    let path = env::temp_dir().join(format!("s3lite-bench-{}.callgrind", std::process::id()));
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--compress-strings=no", "--compress-pos=no"]);
    command.arg(format!("--callgrind-out-file={}", path.display())).arg(env::current_exe()?);
    let task: Task = ["repeat".to_owned(), client.to_owned(), times.to_string()];
    let output = with_task(command, &task, site).output()?;
    if !output.status.success() {
        return Err(format!("callgrind: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let counts = counts(&fs::read_to_string(&path)?);
    fs::remove_file(&path)?;
    Ok(counts)
}

/// Adds up callgrind's own costs of functions. The line after `calls=` is the cost of the function that was called.
fn counts(text: &str) -> Counts {
    let (mut counts, mut in_hash, mut after_call) = (Counts { all: 0, hash: 0 }, false, false);
    for line in text.lines() {
        if let Some(function) = line.strip_prefix("fn=") {
            in_hash = function.contains("sha2::") && function.contains("compress");
        } else if line.starts_with("calls=") {
            after_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit()) && !std::mem::take(&mut after_call) {
            let own = line.split(' ').nth(1).and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
            counts.all += own;
            counts.hash += if in_hash { own } else { 0 };
        }
    }
    counts
}
