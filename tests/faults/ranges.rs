//! Answers to a range that have other bytes than it, and refusals of one that say how long the object is.

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, GetObject};

use crate::rig::{Rig, answer, everywhere, parrot, read, reply};

/// The length of the answer is that of its range: an answer that is shorter would end cleanly and be a shorter object.
#[apply(everywhere)]
async fn a_range_of_another_length_is_not_read() {
    for (body, range) in [("hell", "bytes 0-4/10"), ("hello!", "bytes 0-4/10"), ("", "bytes 0-4/10")] {
        let headers = format!("ETag: \"e\"\r\nContent-Range: {range}\r\n");
        let (store, _) = parrot(answer("206 Partial Content", &headers, body));
        let error = read(&store, GetObject::new("k").range(0..5)).await.expect_err("other bytes");
        assert_eq!(error.kind(), ErrorKind::Protocol, "{body:?}: {error}");
    }
    let (store, _) = parrot(answer("206 Partial Content", "ETag: \"e\"\r\nContent-Range: bytes 0-4/10\r\n", "hello"));
    assert_eq!(read(&store, GetObject::new("k").range(0..5)).await.expect("the range"), b"hello");
}

fn ranges() -> [GetObject; 3] {
    [GetObject::new("k").range(0..), GetObject::new("k").range(0..5), GetObject::new("k").last(5)]
}

/// A refused range is that of an empty object only if a look at the object says so: read as empty, an object with bytes would
/// be lost.
#[apply(everywhere)]
async fn a_refused_range_of_an_object_with_bytes_is_refused() {
    for get in ranges() {
        let rig = Rig::new();
        let store = rig.store();
        rig.server.bucket().seed("k", "hello");
        rig.server.next_for("GET", reply("416 Range Not Satisfiable", "", "<Error><Code>InvalidRange</Code></Error>"));
        let error = read(&store, get).await.expect_err("it has bytes");
        assert_eq!(error.kind(), ErrorKind::InvalidRange, "{error}");
        let methods: Vec<_> = rig.requests().into_iter().map(|seen| seen.method).collect();
        assert_eq!(methods, ["GET", "HEAD"]);
        rig.assert_sound(store).await;
    }
}

/// A refusal that names a size above 0 needs no look, and one that came later would be at another object.
#[apply(everywhere)]
async fn a_refusal_that_names_a_size_is_final() {
    let document = "<Error><Code>InvalidRange</Code><ActualObjectSize>7</ActualObjectSize></Error>";
    for get in ranges() {
        let rig = Rig::new();
        let store = rig.store();
        rig.server.bucket().seed("k", "");
        rig.server.next_for("GET", reply("416 Range Not Satisfiable", "", document));
        let error = read(&store, get).await.expect_err("it had bytes");
        assert_eq!((error.kind(), rig.requests().len()), (ErrorKind::InvalidRange, 1), "{error}");
        rig.assert_sound(store).await;
    }
}

/// The only case in which a refusal means that there are no bytes.
#[tokio::test(start_paused = true)]
async fn a_refused_range_of_an_empty_object_has_no_bytes() {
    for size in ["", "<ActualObjectSize>0</ActualObjectSize>"] {
        for get in ranges() {
            let rig = Rig::new();
            let store = rig.store();
            rig.server.bucket().seed("k", "");
            let document = format!("<Error><Code>InvalidRange</Code>{size}</Error>");
            rig.server.next_for("GET", reply("416 Range Not Satisfiable", "", &document));
            assert_eq!(read(&store, get).await.expect("it is empty"), b"");
            rig.assert_sound(store).await;
        }
    }
}
