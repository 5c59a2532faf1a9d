//! Small operations, one at a time and many at a time, and on the runtimes that programs have.

use tokio::runtime::{Builder, Runtime};

use crate::Result;
use crate::clients::pooled_hyper::PooledHyper;
use crate::clients::raw_hyper::RawHyper;
use crate::clients::store::StoreClient;
use crate::clients::{Call, Client, Object};
use crate::measure::{Line, Suite, Unit};

/// The tasks share a sample's operations, and each should have enough of them.
const MORE: u32 = 2;

/// An operation on a large object is worth many on a small one.
const LARGE: usize = 1 << 20;
const FEWER: u32 = 32;

/// A row: what is called how, by how many tasks at a time.
struct Row {
    name: &'static str,
    call: Call,
    tasks: usize,
    object: Object,
    on: On,
}

/// The runtime that a row's clients run on.
#[derive(Clone, Copy)]
enum On {
    /// One thread, as all other rows have it.
    CurrentThread,
    /// As `#[tokio::main]` has it, with so many workers.
    Workers(usize),
}

impl Row {
    const fn of(name: &'static str, call: Call, tasks: usize) -> Self {
        Self { name, call, tasks, object: Object::SMALL, on: On::CurrentThread }
    }

    /// How many make a sample, of so many one at a time.
    fn operations(&self, one_at_a_time: u32) -> u32 {
        match self.object.size {
            LARGE.. => one_at_a_time / FEWER,
            _ if self.tasks > 1 => one_at_a_time * MORE,
            _ => one_at_a_time,
        }
    }
}

const ROWS: [Row; 15] = [
    Row::of("put-4k-1", Call::Put, 1),
    Row::of("put-4k-32", Call::Put, 32),
    Row::of("get-4k-1", Call::Get, 1),
    Row::of("get-4k-32", Call::Get, 32),
    // More tasks than a store has connections.
    Row::of("get-4k-256", Call::Get, 256),
    Row::of("get-4k-1000", Call::Get, 1000),
    // As S3 answers for what was uploaded with today's clients.
    Row { object: Object::SMALL.with_checksum(), ..Row::of("get-4k-crc-1", Call::Get, 1) },
    Row { object: Object::of(LARGE).with_checksum(), ..Row::of("get-1m-crc-1", Call::Get, 1) },
    Row { on: On::Workers(2), ..Row::of("get-4k-1-workers", Call::Get, 1) },
    Row { on: On::Workers(2), ..Row::of("get-4k-32-workers", Call::Get, 32) },
    Row { on: On::Workers(2), ..Row::of("put-4k-32-workers", Call::Put, 32) },
    Row::of("head-1", Call::Head, 1),
    Row::of("head-32", Call::Head, 32),
    Row::of("delete-1", Call::Delete, 1),
    Row::of("delete-32", Call::Delete, 32),
];

pub fn measure(suite: &mut Suite) -> Result<()> {
    ROWS.iter().try_for_each(|row| measure_row(suite, row))
}

/// Only the rows whose allocations are exact.
pub fn count(suite: &mut Suite) -> Result<()> {
    ROWS.iter().filter(|row| row.tasks == 1 && row.on.is_current_thread()).try_for_each(|row| measure_row(suite, row))
}

fn measure_row(suite: &mut Suite, row: &'static Row) -> Result<()> {
    let each = row.operations(suite.extent().operations) / row.tasks as u32;
    let unit = Unit::microseconds_per("µs/op", f64::from(each) * row.tasks as f64);
    let lines = [
        line::<RawHyper>(suite, row, each),
        line::<PooledHyper>(suite, row, each),
        line::<StoreClient>(suite, row, each),
    ];
    suite.measure(row.name, unit, lines)
}

fn line<C: Client>(suite: &Suite, row: &'static Row, each: u32) -> Line {
    let site = suite.site();
    Line::new(C::NAME, move |suites| {
        let own = row.on.runtime()?;
        let mut clients = own.as_ref().unwrap_or(suites).block_on(C::make(&site, row.tasks, row.object))?;
        Ok(Box::new(move |suites| {
            let runtime = own.as_ref().unwrap_or(suites);
            clients = runtime.block_on(call_all(std::mem::take(&mut clients), row.call, each))?;
            Ok(())
        }))
    })
}

impl On {
    fn is_current_thread(self) -> bool {
        matches!(self, Self::CurrentThread)
    }

    /// `None` if the bench's own does.
    fn runtime(self) -> Result<Option<Runtime>> {
        let Self::Workers(workers) = self else { return Ok(None) };
        Ok(Some(Builder::new_multi_thread().worker_threads(workers).enable_all().build()?))
    }
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
