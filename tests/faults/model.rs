//! What a bucket may hold, by what its writers were told.

use std::collections::{BTreeMap, BTreeSet};

use s3lite::{Error, ErrorKind};

/// A value that names itself: who wrote it, how long it is, and a pattern of its own, so that no part of another can be in it.
pub fn value(id: u64, length: usize) -> Vec<u8> {
    let mut bytes = format!("{id}:{length}:").into_bytes();
    let mut state = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length.max(format!("{id}:{length}:").len()));
    bytes
}

/// The writer of a whole value; fails for anything that is cut, spliced or nobody's.
pub fn writer_of(bytes: &[u8]) -> u64 {
    let mut parts = bytes.splitn(3, |byte| *byte == b':').map(String::from_utf8_lossy);
    let mut number = || parts.next().and_then(|text| text.parse::<u64>().ok()).expect("a value that names itself");
    let (id, length) = (number(), number());
    assert!(bytes == value(id, length as usize), "the value of {id} is not whole");
    id
}

/// What one key may hold: the ids of values, or nothing.
#[derive(Clone, Debug)]
pub struct Possible(pub BTreeSet<Option<u64>>);

impl Default for Possible {
    fn default() -> Self {
        Self(BTreeSet::from([None]))
    }
}

impl Possible {
    /// Takes note of a write that was acknowledged, failed, or of which nobody knows.
    pub fn wrote<T>(&mut self, what: Option<u64>, result: &Result<T, Error>) {
        match result {
            Ok(_) => self.0 = BTreeSet::from([what]),
            Err(error) if error.is_outcome_unknown() => drop(self.0.insert(what)),
            Err(_) => {}
        }
    }

    /// Demands that what was found may be there.
    pub fn assert_may_hold(&self, found: Option<u64>, key: &str) {
        assert!(self.0.contains(&found), "{key} holds {found:?}, of {:?}", self.0);
    }
}

/// The keys of one writer, which nobody else writes.
#[derive(Default)]
pub struct Own(pub BTreeMap<String, Possible>);

impl Own {
    pub fn of(&mut self, key: &str) -> &mut Possible {
        self.0.entry(key.to_owned()).or_default()
    }

    /// Demands that a listing has every key that is there for certain, and none that is not.
    pub fn assert_lists(&self, listed: &BTreeSet<String>) {
        for (key, Possible(values)) in &self.0 {
            let (may_be_absent, may_be_there) = (values.contains(&None), values.iter().any(Option::is_some));
            assert!(listed.contains(key) || may_be_absent, "the listing does not have {key}");
            assert!(!listed.contains(key) || may_be_there, "the listing has {key}, which is gone");
        }
        let strange: Vec<_> = listed.iter().filter(|key| !self.0.contains_key(*key)).collect();
        assert!(strange.is_empty(), "the listing has what nobody wrote: {strange:?}");
    }
}

/// A key that many write: what they were told.
#[derive(Default)]
pub struct Shared {
    pub acknowledged: BTreeSet<u64>,
    pub unknown: BTreeSet<u64>,
}

impl Shared {
    pub fn wrote<T>(&mut self, id: u64, result: &Result<T, Error>) {
        match result {
            Ok(_) => drop(self.acknowledged.insert(id)),
            Err(error) if error.is_outcome_unknown() => drop(self.unknown.insert(id)),
            Err(_) => {}
        }
    }

    /// Demands that what is there was written by somebody who was not told that it failed.
    pub fn assert_may_hold(&self, found: Option<u64>, key: &str) {
        match found {
            Some(id) => assert!(self.acknowledged.contains(&id) || self.unknown.contains(&id), "{key}: {id} failed"),
            None => assert!(self.acknowledged.is_empty(), "{key} is gone, and was acknowledged"),
        }
    }
}

/// What an operation under faults may fail with: no lie about what is there, and nothing of the caller's doing.
pub fn assert_honest(error: &Error) {
    let dishonest = [ErrorKind::Config, ErrorKind::BadInput, ErrorKind::Credentials, ErrorKind::ClockSkew];
    assert!(!dishonest.contains(&error.kind()), "{error}");
    assert!(!matches!(error.kind(), ErrorKind::AccessDenied | ErrorKind::Integrity | ErrorKind::Source), "{error}");
}
