//! What chance does to connections and requests, the same for the same seed.

use std::io;
use std::time::Duration;

use crate::memory::{Dial, Fate, Plan, Way};
use crate::rig::{answer, refusal};
use crate::support::strict::{Act, AfterEarlyReply};

/// Marsaglia's xorshift: a run is repeated by its seed.
#[derive(Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    pub fn length(&mut self) -> usize {
        let most = [1, 100, 5_000, 60_000, 200_000][self.below(5) as usize];
        self.below(most) as usize
    }

    /// One connection in three has a fault.
    pub fn plan(&mut self) -> Plan {
        let most = [1, 400, 3_000, 80_000, 300_000][self.below(5) as usize];
        let bytes = self.below(most);
        let fate = [Fate::Reset, Fate::Fin, Fate::BlackHole][self.below(3) as usize];
        let way = Way { latency: Duration::from_millis(self.below(500)), ..Way::default() };
        let narrow = Way { bytes_per_second: Some(20_000), buffer: 4096, ..Way::default() };
        match self.below(24) {
            0 => Plan::refused(),
            1 => Plan { dial: Dial::Fail(io::ErrorKind::ConnectionReset), ..Plan::default() },
            2 => Plan { dial: Dial::Silence, ..Plan::default() },
            3 => Plan { delay: Duration::from_millis(self.below(9_000)), ..Plan::default() },
            4 => Plan { up: way, down: way, ..Plan::default() },
            5 => Plan { up: narrow, down: narrow, ..Plan::default() },
            6 | 7 => Plan::up(bytes, fate),
            8 | 9 => Plan::down(bytes, fate),
            _ => Plan::default(),
        }
    }

    /// As [`plan`](Self::plan), of faults for which a real clock has time: nothing stalls.
    pub fn plan_at_once(&mut self) -> Plan {
        let most = [1, 400, 3_000, 80_000, 300_000][self.below(5) as usize];
        let (bytes, fate) = (self.below(most), [Fate::Reset, Fate::Fin][self.below(2) as usize]);
        match self.below(6) {
            0 => Plan::up(bytes, fate),
            1 => Plan::down(bytes, fate),
            _ => Plan::default(),
        }
    }

    /// As [`act`](Self::act), of those that let nobody wait.
    pub fn act_at_once(&mut self) -> Option<Act> {
        loop {
            let act = self.act();
            let waits = matches!(
                act,
                Some(
                    Act::Swallow
                        | Act::Stall
                        | Act::StallBody { .. }
                        | Act::Trickle { .. }
                        | Act::Delay(_)
                        | Act::NoContinue
                )
            );
            if !waits {
                return act;
            }
        }
    }

    /// One request in three meets an act.
    pub fn act(&mut self) -> Option<Act> {
        let after = self.below(60_000) as usize;
        let early = |then| Act::ReplyEarly { raw: answer("503 Slow Down", "", ""), then };
        Some(match self.below(48) {
            0 => Act::CloseBeforeReply,
            1 | 2 => Act::ApplyThenClose,
            3 => Act::Swallow,
            4 => Act::Stall,
            5 => Act::CutBody { after },
            6 => Act::ResetBody { after },
            7 => Act::StallBody { after },
            8 => Act::Trickle { chunk: 5_000, pause: Duration::from_secs(1) },
            9 => Act::Delay(Duration::from_millis(self.below(5_000))),
            10 => refusal("503 Slow Down", "SlowDown"),
            11 => refusal("500 Internal Server Error", "InternalError"),
            12 => Act::mutate(|answer| answer.status = 500),
            13 => early(AfterEarlyReply::Close),
            14 => early(AfterEarlyReply::HalfClose),
            15 => early(AfterEarlyReply::Reset),
            16 => Act::NoContinue,
            _ => return None,
        })
    }
}
