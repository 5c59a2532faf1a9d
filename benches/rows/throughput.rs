//! Throughput as a program sees it: one store, or one pool of hyper's, and tasks that keep it busy.

use std::time::{Duration, Instant};

use crate::Result;
use crate::clients::pooled_hyper::PooledHyper;
use crate::clients::store::StoreClient;
use crate::clients::{Call, Client, Object};
use crate::measure::{Suite, figure};

const SIZES: [(usize, &str); 4] = [(1 << 10, "1KiB"), (64 << 10, "64KiB"), (1 << 20, "1MiB"), (64 << 20, "64MiB")];
const TASKS: [usize; 3] = [1, 8, 64];
const CALLS: [(Call, &str); 2] = [(Call::Put, "put"), (Call::Get, "get")];

/// The clients take turns, so that what disturbs the machine meets both.
const TURNS: u32 = 2;
const TURN: Duration = Duration::from_millis(200);

const HEADING: &str = "\
throughput           client               MB/s  x pool     ops/s      p50 ms     p99 ms";

pub fn measure(suite: &mut Suite) -> Result<()> {
    let mut headed = false;
    for (call, verb) in CALLS {
        for (size, name) in SIZES {
            for tasks in TASKS {
                let row = format!("{verb}-{name}-{tasks}");
                if suite.wants(&row, "") {
                    if !std::mem::replace(&mut headed, true) {
                        println!("\n{HEADING}");
                    }
                    measure_row(suite, &row, call, size, tasks)?;
                }
            }
        }
    }
    Ok(())
}

fn measure_row(suite: &Suite, row: &str, call: Call, size: usize, tasks: usize) -> Result<()> {
    let runtime = suite.runtime();
    let (mut pool, mut store) = (Times::default(), Times::default());
    let site = suite.site();
    let mut pools = runtime.block_on(PooledHyper::make(&site, tasks, Object::of(size)))?;
    let mut stores = runtime.block_on(StoreClient::make(&site, tasks, Object::of(size)))?;
    for turn in 0..=TURNS {
        let (pool_times, store_times);
        (pools, pool_times) = runtime.block_on(keep_busy(pools, call, turn))?;
        (stores, store_times) = runtime.block_on(keep_busy(stores, call, turn))?;
        pool.add(pool_times);
        store.add(store_times);
    }
    let floor = pool.per_second();
    pool.print(row, PooledHyper::NAME, size, floor);
    store.print(row, StoreClient::NAME, size, floor);
    Ok(())
}

/// How long operations took, and all of them together.
#[derive(Default)]
struct Times {
    each: Vec<Duration>,
    wall: Duration,
}

impl Times {
    fn add(&mut self, other: Self) {
        self.each.extend(other.each);
        self.wall += other.wall;
    }

    fn per_second(&self) -> f64 {
        self.each.len() as f64 / self.wall.as_secs_f64()
    }

    fn print(&mut self, row: &str, client: &str, size: usize, floor: f64) {
        self.each.sort_unstable();
        let at = |share: usize| self.each.get(self.each.len() * share / 100).map_or(f64::NAN, Duration::as_secs_f64);
        let (rate, p50, p99) = (self.per_second(), figure(at(50) * 1e3), figure(at(99) * 1e3));
        let megabytes = figure(rate * size as f64 / 1e6);
        println!("{row:<20} {client:<18} {megabytes:>6} {:>7.2} {:>9} {p50:>11} {p99:>10}", rate / floor, figure(rate));
    }
}

/// Lets each client work until its time is over. The turn before the first opens the connections, and counts for nothing.
async fn keep_busy<C: Client>(clients: Vec<C>, call: Call, turn: u32) -> Result<(Vec<C>, Times)> {
    let started = Instant::now();
    let end = started + if turn == 0 { Duration::ZERO } else { TURN };
    let tasks: Vec<_> = clients.into_iter().map(|client| tokio::spawn(work(client, call, end))).collect();
    let (mut clients, mut times) = (Vec::with_capacity(tasks.len()), Times::default());
    for task in tasks {
        let (client, each) = task.await??;
        clients.push(client);
        times.each.extend(each);
    }
    times.wall = started.elapsed();
    Ok((clients, if turn == 0 { Times::default() } else { times }))
}

async fn work<C: Client>(mut client: C, call: Call, end: Instant) -> Result<(C, Vec<Duration>)> {
    let mut each = Vec::new();
    loop {
        let started = Instant::now();
        client.call(call).await?;
        let done = Instant::now();
        each.push(done - started);
        if done >= end {
            return Ok((client, each));
        }
    }
}
