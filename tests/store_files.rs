//! Store files as they lie on disks: in other encodings, without end, naming files that are not there, without credentials.
//!
//! What is decided from the text of a file alone is in `config.rs`.

#[path = "support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use s3lite::{Error, ErrorKind, Store};
use support::folder::Folder;

/// No error may show any of it.
const CANARY: &str = "CANARY";

/// The section of a store on this machine, which nobody asks anything.
const SECTION: &str = "[store.s3]\ntype = \"s3\"\nbucket = \"mail\"\nregion = \"eu-central-1\"\n\
                       endpoint = \"http://localhost:9\"\n";
const KEYS: &str = "access-key = \"AKIAEXAMPLE\"\nsecret-key = \"CANARY\"\n";

fn open(path: &Path) -> Result<Store, Error> {
    Store::open(path, "s3")
}

/// Opens a file that is a mistake; the text of the error shows no secret.
fn told(path: &Path) -> String {
    let error = open(path).expect_err("the file is a mistake");
    assert!(matches!(error.kind(), ErrorKind::Config | ErrorKind::Credentials), "{error}");
    assert!(!format!("{error} {error:?} {error:#?}").contains(CANARY), "{error}");
    error.to_string()
}

fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is missing: {text}");
    }
}

fn utf_16(text: &str, mark: bool, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let mark = if mark { "\u{feff}" } else { "" };
    mark.encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
}

#[test]
fn a_file_in_utf_16_is_called_so() {
    let folder = Folder::new();
    let text = format!("{SECTION}{KEYS}");
    for (what, bytes) in [
        ("as Windows writes it", utf_16(&text, true, u16::to_le_bytes)),
        ("big end first", utf_16(&text, true, u16::to_be_bytes)),
        ("without a mark", utf_16(&text, false, u16::to_le_bytes)),
        ("without a mark, big end first", utf_16(&text, false, u16::to_be_bytes)),
        ("not ASCII", utf_16(&format!("# 日本\n{text}"), true, u16::to_le_bytes)),
    ] {
        let path = folder.file("store.toml", bytes);
        let text = told(&path);
        assert!(text.contains("UTF-16") && text.contains("store.toml"), "{what}: {text}");
    }
}

#[test]
fn a_file_in_latin_1_is_told_its_line() {
    let folder = Folder::new();
    for (line, bytes) in [
        (1, [b"# Schl\xfcssel\n", SECTION.as_bytes(), KEYS.as_bytes()].concat()),
        (6, [SECTION.as_bytes(), b"# gro\xdf\n", KEYS.as_bytes()].concat()),
        (7, [SECTION.as_bytes(), b"access-key = \"a\"\nsecret-key = \"CANARY\xe9CANARY\"\n"].concat()),
        (8, [SECTION.as_bytes(), KEYS.as_bytes(), b"key-prefix = \"pi\xe8ces\"\n"].concat()),
        (8, [SECTION.replace('\n', "\r\n").as_bytes(), KEYS.replace('\n', "\r\n").as_bytes(), b"# \x80\r\n"].concat()),
        (8, [SECTION.as_bytes(), KEYS.as_bytes(), b"# cut off: \xe2\x82"].concat()),
    ] {
        let path = folder.file("store.toml", bytes);
        let text = told(&path);
        assert_says(&text, &["store.toml", &format!("line {line}"), "UTF-8"]);
    }
}

#[test]
fn a_byte_order_mark_is_read_over() {
    let folder = Folder::new();
    let path = folder.file("store.toml", format!("\u{feff}{SECTION}{KEYS}"));
    open(&path).expect("the same text");
    let path = folder.file("store.toml", format!("\u{feff}{SECTION}{KEYS}nope = 1\n"));
    assert_says(&told(&path), &["line 8, column 1: store.s3.nope: "]);
}

#[test]
fn several_mistakes_of_a_file_name_it() {
    let folder = Folder::new();
    let path = folder.file("store.toml", format!("{SECTION}{KEYS}nope = 1\nzzz = 2\n"));
    let text = told(&path);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_says(lines[0], &["store.toml", "line 8, column 1: store.s3.nope: "]);
    assert_says(lines[1], &["line 9, column 1: store.s3.zzz: "]);
}

/// Opens a store whose file needs another file; `{}` in the lines stands for that one.
fn with_file(folder: &Folder, lines: &str, other: &Path) -> PathBuf {
    folder.file("store.toml", format!("{SECTION}{}", lines.replace("{}", other.to_str().expect("UTF-8"))))
}

/// Nothing is asked of the network when a store is opened; the file is looked at all the same.
#[test]
fn a_ca_file_that_is_not_there_is_an_error_over_http_too() {
    let folder = Folder::new();
    let missing = folder.path().join("none.pem");
    for lines in [
        "tls.ca-file = \"{}\"\n",
        "tls.ca-file = \"{}\"\ntls.allow-invalid-certs = true\n",
        "tls.ca-file = \"{}\"\ntls.roots = \"bundled\"\n",
        "tls.ca-file = \"{}\"\nendpoint = \"https://localhost:9\"\n",
        "tls.ca-file = \"{}\"\nendpoint = \"https://localhost:9\"\ntls.allow-invalid-certs = true\n",
    ] {
        let path = with_file(&folder, &format!("{KEYS}{lines}"), &missing);
        if lines.contains("https") {
            let text = std::fs::read_to_string(&path).expect("the file just written");
            folder.file("store.toml", text.replacen("endpoint = \"http://localhost:9\"", "idle-timeout = \"1s\"", 1));
        }
        let text = told(&path);
        assert_says(&text, &["store.toml", "line 8", "tls.ca-file", "none.pem"]);
    }
}

#[test]
fn a_ca_file_that_holds_none_is_an_error_over_http_too() {
    let folder = Folder::new();
    let empty = folder.file("ca.pem", "");
    let path = with_file(&folder, &format!("{KEYS}tls.ca-file = \"{{}}\"\n"), &empty);
    assert_says(&told(&path), &["store.toml", "line 8", "tls.ca-file", "no certificate"]);
    let text = told(&with_file(&folder, &format!("{KEYS}tls.ca-file = \"{{}}\"\n"), folder.path()));
    assert_says(&text, &["store.toml", "line 8", "tls.ca-file"]);
}

/// What a test beside this one does, in a process with an environment of its own: opens the store that is named there.
#[test]
fn open_in_a_process_of_its_own() {
    let Some(path) = std::env::var_os("S3LITE_TEST_STORE") else { return };
    let (path, name) = (PathBuf::from(path), std::env::var("S3LITE_TEST_NAME").expect("a store's name"));
    match Store::open(&path, &name) {
        Ok(_) => println!("<<<opened>>>"),
        Err(error) => println!("<<<{error}>>>"),
    }
}

fn open_with(path: &Path, store: &str, variables: &[(&str, &str)]) -> String {
    let this = std::env::current_exe().expect("this program");
    let output = Command::new(this)
        .args(["--exact", "open_in_a_process_of_its_own", "--nocapture"])
        .env_clear()
        .env("S3LITE_TEST_STORE", path)
        .env("S3LITE_TEST_NAME", store)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("this program runs again");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = text.split_once("<<<").and_then(|(_, rest)| rest.split_once(">>>"));
    let told = told.unwrap_or_else(|| panic!("nothing was told: {text}")).0.to_owned();
    assert!(!told.contains(CANARY), "{told}");
    told
}

#[test]
fn a_store_without_credentials_is_named() {
    let folder = Folder::new();
    let home = folder.path().to_str().expect("UTF-8").to_owned();
    let text = SECTION.replace("[store.s3]", "[store.blobs]");
    for (lines, variables, words) in [
        ("", &[("HOME", home.as_str())][..], &["AWS_ACCESS_KEY_ID", "anonymous"][..]),
        ("", &[], &["AWS_ACCESS_KEY_ID", "HOME"]),
        ("access-key = \"\"\nsecret-key = \"\"\n", &[("HOME", home.as_str())], &["AWS_ACCESS_KEY_ID"]),
        ("profile = \"mail\"\n", &[("HOME", home.as_str())], &["\"mail\""]),
        ("", &[("HOME", home.as_str()), ("AWS_PROFILE", "mail")], &["\"mail\""]),
        ("", &[("HOME", home.as_str()), ("AWS_SECRET_ACCESS_KEY", "CANARY")], &["AWS_ACCESS_KEY_ID"]),
    ] {
        let path = folder.file("store.toml", format!("{text}{lines}"));
        let told = open_with(&path, "blobs", variables);
        assert_says(&told, words);
        assert_says(&told, &["store.toml", "blobs"]);
    }
}

#[test]
fn a_store_with_the_credentials_of_an_environment_opens() {
    let folder = Folder::new();
    let path = folder.file("store.toml", SECTION);
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "CANARY")];
    assert_eq!(open_with(&path, "s3", &keys), "opened");
    let files = folder.file("keys", "[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = CANARY\n");
    let named = [("AWS_SHARED_CREDENTIALS_FILE", files.to_str().expect("UTF-8"))];
    assert_eq!(open_with(&path, "s3", &named), "opened");
}

/// A pipe says that it has no bytes, and may have any number.
#[cfg(unix)]
mod pipes {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    use std::thread::{JoinHandle, spawn};

    use super::*;

    /// What a reader may take of a file without end: the limit, what one read more brings, and what the pipe itself holds.
    const MOST_BYTES: usize = 3 << 20;
    const BLOCK: usize = 64 << 10;

    fn pipe(folder: &Folder, name: &str) -> PathBuf {
        let path = folder.path().join(name);
        let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo is there");
        assert!(made.success());
        path
    }

    /// Writes into a pipe until nobody reads on, or far more than anybody should have read; returns how much it was.
    fn writer(path: PathBuf, start: String) -> JoinHandle<usize> {
        spawn(move || {
            let mut pipe = std::fs::OpenOptions::new().write(true).open(path).expect("the pipe");
            let mut written = 0;
            let mut block = start.into_bytes();
            block.resize(BLOCK, b'x');
            while written < 4 * MOST_BYTES && pipe.write_all(&block).is_ok() {
                written += BLOCK;
                block.fill(b'x');
            }
            written
        })
    }

    fn assert_stops(lines: &str, start: &str, words: &[&str]) {
        let folder = Folder::new();
        let endless = pipe(&folder, "endless");
        let path = if lines.is_empty() { endless.clone() } else { with_file(&folder, lines, &endless) };
        let writer = writer(endless.clone(), start.to_owned());
        let text = told(&path);
        // A pipe that nobody opened would hold its writer for ever.
        while !writer.is_finished() {
            drop(std::fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&endless));
            std::thread::yield_now();
        }
        let written = writer.join().expect("the writer ends");
        assert!(written <= MOST_BYTES, "{written} bytes were read: {text}");
        assert_says(&text, &["endless", "1 MiB"]);
        assert_says(&text, words);
    }

    #[test]
    fn reading_a_secret_without_end_stops() {
        let place = "line 7, column 1: store.s3.secret-key: ";
        assert_stops("access-key = \"a\"\nsecret-key = \"%{file:{}}%\"\n", CANARY, &["store.toml", place]);
    }

    #[test]
    fn reading_certificates_without_end_stops() {
        let lines = format!("{KEYS}tls.ca-file = \"{{}}\"\nallow-http = true\n");
        assert_stops(&lines, CANARY, &["store.toml", "line 8", "tls.ca-file"]);
    }

    #[test]
    fn reading_a_store_file_without_end_stops() {
        assert_stops("", &format!("{SECTION}{KEYS}# "), &[]);
    }

    /// A shell hands over secrets so: `<(pass show s3)`.
    #[test]
    fn a_secret_out_of_a_pipe_is_read() {
        let folder = Folder::new();
        let secret = pipe(&folder, "secret");
        let path = with_file(&folder, "access-key = \"a\"\nsecret-key = \"%{file:{}}%\"\n", &secret);
        let writer = spawn(move || std::fs::write(secret, "CANARY\n").expect("somebody reads"));
        open(&path).expect("a secret");
        writer.join().expect("the writer ends");
    }
}
