//! aws-chunked bodies: any content, cut anywhere.

use http::HeaderMap;
use s3lite::{
    ChunkSigner, Credentials, PayloadHash, Region, Scheme, Signer, SigningTime, Target, encoded_length,
    unsigned_chunk_head, unsigned_end,
};

use super::input::Input;

/// An independent decoder gives the body back, and the length that was announced is that of the frames.
///
/// The input is a chunk size, a trailer `name:value`, then the body.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let size = input.number();
    let trailer = input.line();
    let (name, value) = trailer.split_once(':').unwrap_or(("x-amz-checksum-crc32", "AAAAAA=="));
    let body = input.rest();
    assert_length_is_exact(size, body);
    let chunks = || body.chunks(size.clamp(1, 4096) as usize);
    let mut signer = signer();
    let signed = frames(chunks(), |chunk| signer.head(chunk));
    let plain = signer.clone().end();
    assert_eq!(decode(&[&signed, plain.as_bytes()].concat(), true), Some((body.to_vec(), String::new())));
    let with_trailer = signer.end_with_trailer(name, value);
    assert_eq!(with_trailer.is_ok(), unsigned_end(name, value).is_ok(), "one rule for both");
    if let Ok(with_trailer) = with_trailer {
        let line = format!("{}:{value}\r\n", name.to_ascii_lowercase());
        let (decoded, trailers) = decode(&[&signed, with_trailer.as_bytes()].concat(), true).expect("a whole body");
        assert_eq!((&decoded[..], trailers.starts_with(&line)), (body, true));
        let unsigned =
            [&frames(chunks(), unsigned_chunk_head), unsigned_end(name, value).expect("a trailer").as_bytes()].concat();
        assert_eq!(decode(&unsigned, false), Some((body.to_vec(), line)));
    }
}

fn assert_length_is_exact(size: u64, body: &[u8]) {
    let Some(length) = encoded_length(body.len() as u64, size) else {
        assert!(size == 0 || size > u64::MAX - 200, "a body in chunks of {size} has a length");
        return;
    };
    let mut signer = signer();
    let chunk = usize::try_from(size).unwrap_or(usize::MAX);
    let frames = frames(body.chunks(chunk), |chunk| signer.head(chunk));
    assert_eq!(length, (frames.len() + signer.end().len()) as u64);
    // No sum of any length may overflow.
    let _ = (encoded_length(u64::MAX, size), encoded_length(size, body.len() as u64));
}

fn signer() -> ChunkSigner {
    let credentials = Credentials::new("id", "secret").expect("valid");
    let target = Target::new(Scheme::Https, "host", "/k", []).expect("a target");
    let time = SigningTime::from_unix_seconds(1_700_000_000).expect("in range");
    let region = Region::new("us-east-1").expect("a region");
    let signer = Signer::new(&credentials, &region, "s3").expect("a service");
    let signed = signer.sign(time, "PUT", &target, &HeaderMap::new(), &PayloadHash::Streaming);
    signer.chunk_signer(time, &signed)
}

fn frames<'a>(chunks: impl Iterator<Item = &'a [u8]>, mut head: impl FnMut(&[u8]) -> String) -> Vec<u8> {
    chunks.flat_map(|chunk| [head(chunk).as_bytes(), chunk, b"\r\n"].concat()).collect()
}

/// Takes a body out of its frames, with the lines behind the last; `None` if it is not whole or goes on behind its end.
fn decode(mut wire: &[u8], signed: bool) -> Option<(Vec<u8>, String)> {
    let mut body = Vec::new();
    loop {
        let head = line(&mut wire)?;
        let (size, signature) = head.split_once(";chunk-signature=").unwrap_or((&head, ""));
        let is_signature = signature.len() == 64 && signature.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = usize::from_str_radix(size, 16).ok().filter(|_| is_signature == signed)?;
        if size == 0 {
            break;
        }
        let (chunk, rest) = wire.split_at_checked(size)?;
        body.extend_from_slice(chunk);
        wire = rest.strip_prefix(b"\r\n")?;
    }
    let end = wire.strip_suffix(b"\r\n")?;
    Some((body, String::from_utf8(end.to_vec()).ok()?))
}

fn line(wire: &mut &[u8]) -> Option<String> {
    let end = wire.windows(2).position(|pair| pair == b"\r\n")?;
    let line = String::from_utf8(wire[..end].to_vec()).ok()?;
    *wire = &wire[end + 2..];
    Some(line)
}
