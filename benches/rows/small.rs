//! Small operations, one at a time and 32 at a time.

use crate::Result;
use crate::clients::pooled_hyper::PooledHyper;
use crate::clients::raw_hyper::RawHyper;
use crate::clients::store::StoreClient;
use crate::clients::{Call, Client, SMALL};
use crate::measure::{Line, Suite, Unit};

const MANY: usize = 32;

/// The tasks share a sample's operations, and each should have enough of them.
const MORE: u32 = 2;

/// The rows, one at a time and many at a time.
const ROWS: [(Call, &str, &str); 4] = [
    (Call::Put, "put-4k-1", "put-4k-32"),
    (Call::Get, "get-4k-1", "get-4k-32"),
    (Call::Head, "head-1", "head-32"),
    (Call::Delete, "delete-1", "delete-32"),
];

pub fn measure(suite: &mut Suite) -> Result<()> {
    ROWS.into_iter().try_for_each(|(call, one, many)| {
        measure_row(suite, one, call, 1)?;
        measure_row(suite, many, call, MANY)
    })
}

/// Only the rows whose allocations are exact.
pub fn count(suite: &mut Suite) -> Result<()> {
    ROWS.into_iter().try_for_each(|(call, one, _)| measure_row(suite, one, call, 1))
}

fn measure_row(suite: &mut Suite, row: &str, call: Call, tasks: usize) -> Result<()> {
    let total = suite.extent().operations * if tasks == 1 { 1 } else { MORE };
    let each = total / tasks as u32;
    let unit = Unit::microseconds_per("µs/op", f64::from(each) * tasks as f64);
    let lines = [
        line::<RawHyper>(suite, call, tasks, each),
        line::<PooledHyper>(suite, call, tasks, each),
        line::<StoreClient>(suite, call, tasks, each),
    ];
    suite.measure(row, unit, lines)
}

fn line<C: Client>(suite: &Suite, call: Call, tasks: usize, each: u32) -> Line {
    let site = suite.site();
    Line::new(C::NAME, move |runtime| {
        let mut clients = runtime.block_on(C::make(&site, tasks, SMALL))?;
        Ok(Box::new(move |runtime| {
            clients = runtime.block_on(call_all(std::mem::take(&mut clients), call, each))?;
            Ok(())
        }))
    })
}

/// Gives each client a task, and takes the clients back with their connections.
async fn call_all<C: Client>(clients: Vec<C>, call: Call, each: u32) -> Result<Vec<C>> {
    let tasks: Vec<_> = clients.into_iter().map(|client| tokio::spawn(call_often(client, call, each))).collect();
    let mut clients = Vec::with_capacity(tasks.len());
    for task in tasks {
        clients.push(task.await??);
    }
    Ok(clients)
}

async fn call_often<C: Client>(mut client: C, call: Call, times: u32) -> Result<C> {
    for _ in 0..times {
        client.call(call).await?;
    }
    Ok(client)
}
