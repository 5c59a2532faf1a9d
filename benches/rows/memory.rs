//! The memory of a process that gets 1,000 objects of 64 KiB at a time, and of one that reads slowly.

use crate::Result;
use crate::child;
use crate::measure::{BASELINE, Reading, Suite};

pub const ROWS: [(&str, &str); 2] = [("get-64k-1000", "many"), ("slow-consumer", "slow")];

pub fn measure(suite: &mut Suite) -> Result<()> {
    for (row, what) in ROWS {
        for client in [BASELINE, "s3lite"] {
            if suite.wants(row, client) {
                let task = [what, client, "-"].map(str::to_owned);
                let kibibytes = child::figures(&task, &suite.site(), |figures| figures.first().copied())?;
                let value = kibibytes.ok_or("a child tells its memory")? as f64 / 1024.0;
                suite.read(Reading { row: row.to_owned(), client, what: "MiB of memory", value });
            }
        }
    }
    Ok(())
}
