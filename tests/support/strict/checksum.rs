//! The checksums that S3 verifies on upload, computed in the plainest way.

use sha2::{Digest, Sha256};

use super::error::S3Error;
use super::http::RequestHead;
use super::sigv4::Verified;

const HEADER_START: &str = "x-amz-checksum-";

/// Headers that begin so and hold no checksum.
const NO_CHECKSUMS: [&str; 3] = ["x-amz-checksum-mode", "x-amz-checksum-type", "x-amz-checksum-algorithm"];

/// The checksums of an upload by header name, from its head or its trailer, after comparison with
/// the payload.
pub fn verified(head: &RequestHead, request: &Verified) -> Result<Vec<(String, String)>, S3Error> {
    let in_head = head.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), super::canonical::lossy(value)));
    let sent = in_head.chain(request.trailers.iter().cloned());
    let is_checksum = |name: &str| name.starts_with(HEADER_START) && !NO_CHECKSUMS.contains(&name);
    let checksums: Vec<_> = sent.filter(|(name, _)| is_checksum(name)).collect();
    for (name, value) in &checksums {
        let algorithm = &name[HEADER_START.len()..];
        let computed = compute(algorithm, &request.payload)
            .ok_or_else(|| S3Error::not_implemented(format!("checksum {algorithm} is not modelled")))?;
        if computed != *value {
            let message = format!("{name} is {value}, the payload has {computed}");
            return Err(S3Error::new(400, "BadDigest", message));
        }
    }
    Ok(checksums)
}

/// The checksum of an algorithm as a header has it, nothing for an algorithm that is not modelled.
pub fn compute(algorithm: &str, bytes: &[u8]) -> Option<String> {
    match algorithm {
        "crc32" => Some(base64(&crc(bytes, 0xEDB8_8320, u64::from(u32::MAX)).to_be_bytes()[4..])),
        "crc32c" => Some(base64(&crc(bytes, 0x82F6_3B78, u64::from(u32::MAX)).to_be_bytes()[4..])),
        "crc64nvme" => Some(base64(&crc(bytes, 0x9A6C_9329_AC4B_C9B5, u64::MAX).to_be_bytes())),
        "sha256" => Some(base64(&Sha256::digest(bytes))),
        _ => None,
    }
}

/// A reflected CRC; `ones` is both its initial value and its final exclusive-or.
fn crc(bytes: &[u8], polynomial: u64, ones: u64) -> u64 {
    let mut table = [0; 256];
    for (entry, start) in table.iter_mut().zip(0..) {
        *entry = (0..8).fold(start, |crc, _| if crc & 1 == 1 { (crc >> 1) ^ polynomial } else { crc >> 1 });
    }
    let step = |crc: u64, byte: &u8| (crc >> 8) ^ table[usize::from(crc.to_le_bytes()[0] ^ byte)];
    bytes.iter().fold(ones, step) ^ ones
}

/// Base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut padded = [0; 4];
        padded[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(padded);
        for place in 0..4 {
            let digit = (bits >> (18 - 6 * place)) & 63;
            text.push(if place <= group.len() { char::from(DIGITS[digit as usize]) } else { '=' });
        }
    }
    text
}
