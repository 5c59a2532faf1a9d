//! The quickstart as its users run it: what it says, and what it leaves behind.

#![cfg(all(unix, feature = "tls"))]

#[path = "support/mod.rs"]
mod support;

#[path = "../examples/quickstart/arguments.rs"]
#[allow(dead_code, reason = "the example uses the rest")]
mod arguments;
#[path = "../examples/quickstart/wrong.rs"]
#[allow(dead_code, reason = "as above")]
mod wrong;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use arguments::Arguments;
use support::folder::Folder;
use support::runtimes::{Kind, kinds};
use support::strict::{StrictConfig, StrictServer};
use wrong::with_wrong_secret;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The example, built as this test is.
fn example() -> &'static Path {
    static EXAMPLE: OnceLock<PathBuf> = OnceLock::new();
    EXAMPLE.get_or_init(|| {
        let this = std::env::current_exe().expect("this program");
        let folder = this.ancestors().nth(2).expect("the profile's folder");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--example", "quickstart", "--target-dir"]);
        cargo.arg(folder.parent().expect("the target's folder"));
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        let built = cargo.output().expect("cargo");
        assert!(built.status.success(), "{}", text(&built.stderr));
        folder.join("examples/quickstart")
    })
}

/// Starts it with its temporary files in a folder, in a kind of runtime.
fn start(folder: &Folder, arguments: &[&str], kind: Option<Kind>) -> Child {
    let mut command = Command::new(example());
    command.args(arguments).env("TMPDIR", folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    match kind {
        Some(kind) => command.env("S3LITE_TEST_RUNTIME", kind.to_string()),
        None => command.env_remove("S3LITE_TEST_RUNTIME"),
    };
    command.spawn().expect("it starts")
}

fn run(folder: &Folder, arguments: &[&str]) -> Output {
    start(folder, arguments, None).wait_with_output().expect("it ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A store file with the named store among others, all of this server.
fn store_file(folder: &Folder, server: &StrictServer, secret: &str) -> PathBuf {
    let section = |name: &str, secret: &str| {
        format!(
            "[store.\"{name}\"]\nsecret-key = \"{secret}\"\ntype = \"s3\"\nbucket = \"bucket\"\nregion = \"eu-central-1\"\n\
             access-key = \"access\"\nendpoint = \"http://{}\"\nmax-retries = 0\n\n",
            server.address()
        )
    };
    let text = [section("first", "CANARY-first"), section("mine", secret), section("last", "CANARY-last")].concat();
    folder.file("store.toml", text)
}

#[test]
fn the_usage_is_no_error() {
    let folder = Folder::new();
    for flag in ["--help", "-h"] {
        let output = run(&folder, &[flag]);
        assert!(output.status.success() && output.stderr.is_empty(), "{flag}");
        assert!(text(&output.stdout).starts_with("usage: quickstart"), "{flag}");
    }
    for wrong in [&["--no-such"][..], &["--store", "a"], &["a", "b"]] {
        let output = run(&folder, wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(text(&output.stderr).contains("usage: quickstart") && output.stdout.is_empty(), "{wrong:?}");
    }
    assert!(folder.names().is_empty(), "nothing was made");
    let read = |words: &[&str]| Arguments::read(words.iter().map(|word| (*word).to_owned()));
    let store = Some((PathBuf::from("t"), "n".to_owned()));
    assert_eq!(read(&["--store", "t", "n", "f"]), Ok(Arguments { file: Some("f".into()), store, help: false }));
}

/// The main job, as it runs by default and in every kind of runtime.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_leaves_nothing_in_ones_own_store() {
    let server = StrictServer::start(StrictConfig::default()).await;
    let (folder, temporary) = (Folder::new(), Folder::new());
    let toml = store_file(&folder, &server, "secret");
    let file = folder.file("file", vec![7; 300_000]);
    let arguments = [text_of(&file), "--store", text_of(&toml), "mine"];
    for kind in [None].into_iter().chain(kinds().into_iter().map(Some)) {
        let output = start(&temporary, &arguments, kind).wait_with_output().expect("it ends");
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{kind:?}: {out}{err}");
        for line in ["put  ", "get  ", "compare  ", "presigned  ", "wrong secret  refused: PutObject", "peak memory  "]
        {
            assert!(out.contains(&format!("\n{line}")) || out.starts_with(line), "{line:?} is missing: {out}");
        }
        assert!(!format!("{out}{err}").contains("CANARY") && !out.contains("X-Amz-Signature"), "{out}{err}");
        assert!(server.bucket().objects.is_empty() && temporary.names().is_empty(), "{kind:?}");
    }
    assert!(server.requests().iter().any(|seen| seen.status == Some(403)), "the wrong secret was tried");
}

fn text_of(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A server that takes every secret is told, and what it took is removed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_wrong_secret_stored_is_removed() {
    let server = StrictServer::start(StrictConfig::default()).await;
    let (folder, temporary) = (Folder::new(), Folder::new());
    let toml = store_file(&folder, &server, "secret");
    let file = folder.file("file", "mail");
    let wrong = support::strict::Filter::Where(std::sync::Arc::new(|head| {
        head.method == "PUT" && String::from_utf8_lossy(head.path()).ends_with("-wrong")
    }));
    let taken = b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nx-amz-request-id: 1\r\nContent-Length: 0\r\n\r\n".to_vec();
    server.script().always(wrong, support::strict::Act::Reply(taken));
    let output = run(&temporary, &[text_of(&file), "--store", text_of(&toml), "mine"]);
    let err = text(&output.stderr);
    assert!(!output.status.success() && err.contains("error: a wrong secret was accepted"), "{err}");
    let last = server.requests().pop().expect("a request");
    assert!(last.method == "DELETE" && last.target_text().ends_with("-wrong"), "{last:?}");
    assert!(temporary.names().is_empty());
}

/// Errors are in words, and say what was behind them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_is_told_in_words() {
    let server = StrictServer::start(StrictConfig::default()).await;
    let (folder, temporary) = (Folder::new(), Folder::new());
    let toml = store_file(&folder, &server, "not-the-one");
    let file = folder.file("file", "mail");
    for (arguments, words) in [
        (vec![text_of(&file), "--store", text_of(&toml), "mine"], "error: PutObject"),
        (vec![text_of(&file), "--store", text_of(&toml), "absent"], "error: "),
        (vec!["/absent/file", "--store", text_of(&toml), "mine"], "error: /absent/file"),
        (vec![text_of(&file), "--store", "/absent/toml", "mine"], "error: /absent/toml"),
    ] {
        let output = run(&temporary, &arguments);
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert!(err.starts_with(words) && !err.contains("Error {"), "{err}");
        assert!(!err.contains("CANARY") && !err.contains("not-the-one"), "{err}");
    }
    assert!(temporary.names().is_empty() && server.bucket().objects.is_empty());
}

/// Ctrl-C at any time: while the file is made, while it goes up, at the end.
#[test]
fn nothing_is_left_after_an_interruption() {
    for millis in [0, 30, 300] {
        let folder = Folder::new();
        let child = start(&folder, &[], None);
        while folder.names().is_empty() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let made = folder.path().join(&folder.names()[0]);
        let mode = std::fs::metadata(&made).map(|found| found.permissions().mode() & 0o777);
        assert!(mode.is_ok_and(|mode| mode == 0o700), "nobody else looks into it");
        // The handler is there once the file is.
        while !made.join("quickstart.bin").exists() && made.exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(millis));
        let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(killed.expect("a signal").success());
        let output = child.wait_with_output().expect("it ends");
        let err = text(&output.stderr);
        assert!(output.status.success() || err.contains("error: interrupted"), "{millis}: {:?} {err}", output.status);
        assert!(folder.names().is_empty(), "{millis}: {:?}", folder.names());
    }
}

/// The secret of the named store, however it is written, and no other.
#[test]
fn the_named_stores_secret_is_the_wrong_one() {
    let others = "[store.a]\nsecret-key = \"A\"\n[store.z]\nsecret-key = 'Z'\n";
    for (section, expected) in [
        (
            "[store.\"s3\"]\nsecret-key = \"S\"\nbucket = \"b\"",
            "[store.\"s3\"]\nsecret-key = \"not-the-secret\"\nbucket = \"b\"",
        ),
        ("[store.s3]\nsecret-key='S' # \"S\"", "[store.s3]\nsecret-key=\"not-the-secret\" # \"S\""),
        ("[store.s3]\n\"secret-key\" = \"S\"", "[store.s3]\n\"secret-key\" = \"not-the-secret\""),
        ("[store]\ns3 = { secret-key = \"S\" }", "[store]\ns3 = { secret-key = \"not-the-secret\" }"),
        (
            "[store.s3]\n# secret-key = \"S\"\nsecret-key = \"%{env:S}%\"",
            "[store.s3]\n# secret-key = \"S\"\nsecret-key = \"not-the-secret\"",
        ),
    ] {
        for (before, after) in [(others, ""), ("", others)] {
            let (text, expected) = (format!("{before}{section}\n{after}"), format!("{before}{expected}\n{after}"));
            assert_eq!(with_wrong_secret(&text, "s3").expect("TOML"), Some(expected));
        }
    }
    for text in [others, "", "[store.s3]\nbucket = \"b\"\n[store.a]\nsecret-key = \"A\"", "secret-key = \"A\""] {
        assert_eq!(with_wrong_secret(text, "s3").expect("TOML"), None, "{text}");
    }
    let error = with_wrong_secret("secret-key = CANARY", "s3").expect_err("no TOML");
    assert!(!format!("{error} {error:?}").contains("CANARY"), "{error}");
}
