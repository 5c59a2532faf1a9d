//! Checksums of streams: which one an answer carries, and whether the bytes have it.
//!
//! CRC32, CRC32C and CRC64NVME by tables, eight bytes at a time; SHA-256. A checksum of parts (`…-3`) says nothing of the
//! whole and is passed over, as is one that cannot be read: then the object counts as not verified, never as damaged.

use http::StatusCode;
use http::header::{HeaderMap, HeaderName, TRAILER};
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::response::ResponseHead;

/// A checksum being computed over the bytes of an answer, and what it must come to.
#[derive(Clone)]
pub struct Checksum {
    algorithm: &'static Algorithm,
    state: State,
    /// `None` as long as it is to come behind the body.
    expected: Option<String>,
}

struct Algorithm {
    header: &'static str,
    /// The length of its value in base64.
    digits: usize,
    start: fn() -> State,
}

#[derive(Clone)]
enum State {
    Crc { tables: &'static Tables, width: u32, value: u64 },
    Sha256(Sha256),
}

/// What an answer may carry, strongest first of those that cost little.
static ALGORITHMS: [Algorithm; 4] = [
    Algorithm { header: "x-amz-checksum-crc64nvme", digits: 12, start: || State::crc(&CRC64NVME, 64) },
    Algorithm { header: "x-amz-checksum-crc32c", digits: 8, start: || State::crc(&CRC32C, 32) },
    Algorithm { header: "x-amz-checksum-crc32", digits: 8, start: || State::crc(&CRC32, 32) },
    Algorithm { header: "x-amz-checksum-sha256", digits: 44, start: || State::Sha256(Sha256::new()) },
];

impl Checksum {
    /// Chooses the checksum of the whole object that the head of an answer carries or announces for its trailers; `None` if
    /// there is none to verify.
    pub fn of_answer(head: &ResponseHead) -> Option<Self> {
        // Most answers have none, which one look at their names tells.
        let concerns = |name: &HeaderName| {
            *name == TRAILER || ["x-amz-checksum-", "x-amz-trailer"].iter().any(|mark| name.as_str().starts_with(mark))
        };
        if !is_whole(head) || !head.headers.keys().any(concerns) {
            return None;
        }
        if head.header("x-amz-checksum-type").is_some_and(|kind| kind.eq_ignore_ascii_case("composite")) {
            return None;
        }
        let trailer = head.header("x-amz-trailer").or_else(|| head.header("trailer")).unwrap_or_default();
        ALGORITHMS.iter().find_map(|algorithm| {
            let expected = algorithm.value_in(&head.headers);
            let announced = trailer.split(',').any(|name| name.trim().eq_ignore_ascii_case(algorithm.header));
            (expected.is_some() || announced).then(|| Self { algorithm, state: (algorithm.start)(), expected })
        })
    }

    /// Takes the value that came behind the body.
    pub fn take_trailers(&mut self, trailers: &HeaderMap) {
        self.expected = self.expected.take().or_else(|| self.algorithm.value_in(trailers));
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Crc { tables, value, .. } => *value = crc(tables, *value, bytes),
            State::Sha256(hash) => hash.update(bytes),
        }
    }

    /// Compares, once all bytes were taken. Where the trailers did not keep what the head announced, there is nothing to
    /// compare with.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Integrity`] if the bytes are not those that were stored.
    pub fn verify(self) -> Result<()> {
        let Some(expected) = self.expected else { return Ok(()) };
        let (header, actual) = (self.algorithm.header, self.state.base64());
        if actual == expected {
            return Ok(());
        }
        let problem =
            format!("the bytes that arrived are not those that were stored: {header} is {actual}, not {expected}");
        Err(Error::new(ErrorKind::Integrity, problem))
    }
}

/// A checksum is that of the whole object; some services send all of it as a part.
fn is_whole(head: &ResponseHead) -> bool {
    match head.content_range() {
        Some(range) => range.first == 0 && range.size == Some(range.length()),
        None => head.status == StatusCode::OK,
    }
}

impl std::fmt::Debug for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Checksum({})", self.algorithm.header)
    }
}

impl Algorithm {
    fn value_in(&self, headers: &HeaderMap) -> Option<String> {
        let value = headers.get(self.header)?.to_str().ok()?;
        is_base64(value, self.digits).then(|| value.to_owned())
    }
}

impl State {
    fn crc(tables: &'static Tables, width: u32) -> Self {
        Self::Crc { tables, width, value: mask(width) }
    }

    fn base64(self) -> String {
        match self {
            Self::Crc { width, value, .. } => {
                let bytes = (value ^ mask(width)).to_be_bytes();
                base64(&bytes[8 - width as usize / 8..])
            }
            Self::Sha256(hash) => base64(&hash.finalize()),
        }
    }
}

const fn mask(width: u32) -> u64 {
    u64::MAX >> (64 - width)
}

type Tables = [[u64; 256]; 8];

static CRC32: Tables = tables(0xedb8_8320);
static CRC32C: Tables = tables(0x82f6_3b78);
static CRC64NVME: Tables = tables(0x9a6c_9329_ac4b_c9b5);

/// Computes the tables of a reflected polynomial: the first of one byte, each further one of a byte more of zeros behind it.
const fn tables(polynomial: u64) -> Tables {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ polynomial } else { value >> 1 };
            bit += 1;
        }
        tables[0][byte] = value;
        byte += 1;
    }
    let mut index = 256;
    while index < 8 * 256 {
        let before = tables[index / 256 - 1][index % 256];
        tables[index / 256][index % 256] = before >> 8 ^ tables[0][(before & 0xff) as usize];
        index += 1;
    }
    tables
}

fn crc(tables: &Tables, mut value: u64, bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<8>();
    for block in blocks {
        let [a, b, c, d, e, f, g, h] = (value ^ u64::from_le_bytes(*block)).to_le_bytes().map(usize::from);
        value = tables[7][a]
            ^ tables[6][b]
            ^ tables[5][c]
            ^ tables[4][d]
            ^ tables[3][e]
            ^ tables[2][f]
            ^ tables[1][g]
            ^ tables[0][h];
    }
    for byte in rest {
        value = value >> 8 ^ tables[0][usize::from(value as u8 ^ byte)];
    }
    value
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes bytes (RFC 4648 section 4).
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut padded = [0; 3];
        padded[..group.len()].copy_from_slice(group);
        let [a, b, c] = padded.map(u32::from);
        let bits = a << 16 | b << 8 | c;
        for index in 0..4 {
            let digit = BASE64[(bits >> (18 - 6 * index) & 0x3f) as usize];
            text.push(if index <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

fn is_base64(text: &str, length: usize) -> bool {
    let digits = text.trim_end_matches('=');
    text.len() == length && text.len() - digits.len() <= 2 && digits.bytes().all(|digit| BASE64.contains(&digit))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::Value;

    use super::*;
    use crate::head::head;

    const CASES: &str = include_str!("../tests/data/checksums.json");

    fn input(case: &Value) -> Option<Vec<u8>> {
        if let Some(text) = case["input"].as_str() {
            return Some(text.as_bytes().to_vec());
        }
        if let Some(text) = case["input_hex"].as_str() {
            return Some(hex::decode(text).expect("hexadecimal digits"));
        }
        let repeated = case["input_hex_repeat"].as_array()?;
        let unit = hex::decode(repeated[0].as_str()?).expect("hexadecimal digits");
        Some(unit.repeat(repeated[1].as_u64()? as usize))
    }

    fn value(case: &Value, name: &str) -> Option<String> {
        let encoded =
            case["hex"][name].as_str().map(|digits| base64(&hex::decode(digits).expect("hexadecimal digits")));
        encoded.or_else(|| case["base64"][name].as_str().map(str::to_owned))
    }

    #[test]
    fn published_and_computed_values() {
        let suite: Value = serde_json::from_str(CASES).expect("the suite is JSON");
        let mut checked = 0;
        for case in ["published", "computed"].iter().flat_map(|list| suite[list].as_array().expect("a list")) {
            let Some(bytes) = input(case) else { continue };
            for name in ["crc32", "crc32c", "crc64nvme", "sha256"] {
                let Some(expected) = value(case, name) else { continue };
                let header = format!("x-amz-checksum-{name}");
                for split in [0, 1, 7, bytes.len() / 2, bytes.len()] {
                    let (start, end) = bytes.split_at(split.min(bytes.len()));
                    let mut checksum = Checksum::of_answer(&head(200, &[(&header, &expected)])).expect("a checksum");
                    checksum.update(start);
                    checksum.update(end);
                    checksum.verify().unwrap_or_else(|error| panic!("{case}: {error}"));
                }
                let mut damaged = Checksum::of_answer(&head(200, &[(&header, &expected)])).expect("a checksum");
                damaged.update(&bytes);
                damaged.update(b"\0");
                assert_eq!(damaged.verify().expect_err("a byte more").kind(), ErrorKind::Integrity);
                checked += 1;
            }
        }
        assert!(checked > 50, "{checked}");
    }

    /// What is left of a byte and so many bytes of zeros behind it, bit by bit.
    fn remainder(polynomial: u64, byte: u8, zeros: usize) -> u64 {
        let step = |value: u64, _| if value & 1 == 1 { value >> 1 ^ polynomial } else { value >> 1 };
        (0..8 * (zeros + 1)).fold(u64::from(byte), step)
    }

    /// The tables are made when this is compiled, where no test could see how.
    #[test]
    fn tables_hold_remainders() {
        for polynomial in [0xedb8_8320, 0x82f6_3b78, 0x9a6c_9329_ac4b_c9b5] {
            for (zeros, table) in tables(polynomial).iter().enumerate() {
                let is_right = |byte: u8| table[usize::from(byte)] == remainder(polynomial, byte, zeros);
                assert!((0..=u8::MAX).all(is_right), "{polynomial:x} {zeros}");
            }
        }
        let checksum = Checksum::of_answer(&head(200, &[("x-amz-checksum-crc32", "AAAAAA==")]));
        assert_eq!(format!("{checksum:?}"), "Some(Checksum(x-amz-checksum-crc32))");
    }

    /// A part has a checksum of its own, or none: only what is the whole object is compared with the object's.
    #[test]
    fn the_whole_is_compared_and_a_part_is_not() {
        for (status, range, compared) in [
            (200, "", true),
            (200, "bytes 0-4/5", true),
            (200, "bytes 0-3/5", false),
            (206, "bytes 0-4/5", true),
            (206, "bytes 0-3/5", false),
            (206, "bytes 1-4/5", false),
            (206, "bytes 1-5/5", false),
            (206, "bytes 0-4/*", false),
            (206, "", false),
            (203, "", false),
        ] {
            let mut head = head(status, &[("x-amz-checksum-crc32", "AAAAAA==")]);
            if !range.is_empty() {
                head.headers.insert("content-range", HeaderValue::from_static(range));
            }
            assert_eq!(Checksum::of_answer(&head).is_some(), compared, "{status} {range}");
        }
    }

    /// What the head announces comes behind the body; without it there is nothing to compare with.
    #[test]
    fn a_checksum_may_come_behind_the_body() {
        let (right, wrong) = (("x-amz-checksum-crc32", "NhCmhg=="), ("x-amz-checksum-crc32", "AAAAAA=="));
        for (announcement, trailers, verified) in [
            (("x-amz-trailer", "x-amz-checksum-crc32"), &[right][..], Some(true)),
            (("trailer", "X-Amz-Checksum-CRC32"), &[right], Some(true)),
            (("trailer", "x-amz-checksum-sha1, x-amz-checksum-crc32"), &[right], Some(true)),
            (("x-amz-trailer", "x-amz-checksum-crc32"), &[wrong], Some(false)),
            (("x-amz-trailer", "x-amz-checksum-crc32"), &[], Some(true)),
            (("x-amz-trailer", "x-amz-checksum-crc32"), &[("x-amz-checksum-crc32", "odd")], Some(true)),
            (("trailer", "expires"), &[wrong], None),
        ] {
            let found = Checksum::of_answer(&head(200, &[announcement])).map(|mut checksum| {
                checksum.update(b"hello");
                checksum.take_trailers(&head(200, trailers).headers);
                checksum.verify().is_ok()
            });
            assert_eq!(found, verified, "{announcement:?} {trailers:?}");
        }
        // What stood in the head counts, whatever follows.
        let mut checksum =
            Checksum::of_answer(&head(200, &[right, ("trailer", "x-amz-checksum-crc32")])).expect("a checksum");
        checksum.update(b"hello");
        checksum.take_trailers(&head(200, &[wrong]).headers);
        assert!(checksum.verify().is_ok());
    }

    #[test]
    fn what_cannot_be_verified_is_passed_over() {
        for headers in [
            &[][..],
            &[("x-amz-checksum-crc32", "{}{}")],
            &[("x-amz-checksum-crc32", "")],
            &[("x-amz-checksum-crc32", "AAAAAA==-3")],
            &[("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-checksum-type", "COMPOSITE")],
            &[("x-amz-checksum-sha1", "2jmj7l5rSw0yVb/vlWAYkK/YBwk=")],
            &[("x-amz-checksum-type", "FULL_OBJECT")],
            &[("x-amz-checksum-crc32", "AAAA====")],
            &[("x-amz-checksum-crc32", "AAAAAAAA=")],
            &[("x-amz-checksum-crc32", "AAAAA*==")],
        ] {
            assert!(Checksum::of_answer(&head(200, headers)).is_none(), "{headers:?}");
        }
    }
}
