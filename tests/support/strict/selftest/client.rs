//! A client of raw bytes. It shares the primitives of the verifier, which the published examples
//! prove.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::strict::canonical::canonical_query;
use crate::support::strict::clock::{amz_date, system_seconds};
use crate::support::strict::digest::{hmac, sha256_hex};
use crate::support::strict::{StrictConfig, StrictServer};

/// A request before it is signed.
#[derive(Clone)]
pub struct Ask {
    pub method: &'static str,
    /// Encoded path, as sent.
    pub path: String,
    /// Decoded query pairs.
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Seconds to add to the system clock.
    pub skew: i64,
    pub config: StrictConfig,
}

impl Ask {
    pub fn new(method: &'static str, path: &str) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
            skew: 0,
            config: StrictConfig::default(),
        }
    }

    pub fn put(path: &str, body: &[u8]) -> Self {
        Self { body: body.to_vec(), ..Self::new("PUT", path) }.header("content-length", body.len())
    }

    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.into(), value.to_string()));
        self
    }

    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// The signed request as bytes; signs `host`, `x-amz-*` and what `also` names.
    pub fn bytes(&self, host: &str, also: &[&str]) -> Vec<u8> {
        let date = amz_date(system_seconds() + self.skew);
        let hash = sha256_hex(&self.body);
        let mut headers = vec![("host".to_owned(), host.to_owned())];
        headers.extend(self.headers.iter().cloned());
        for (name, value) in [("x-amz-date", &date), ("x-amz-content-sha256", &hash)] {
            if !headers.iter().any(|(sent, _)| sent == name) {
                headers.push((name.into(), value.clone()));
            }
        }
        let authorization = self.authorization(&headers, &date, also);
        headers.push(("authorization".into(), authorization));
        let target = self.target();
        let mut raw = format!("{} {target} HTTP/1.1\r\n", self.method);
        for (name, value) in headers {
            raw += &format!("{name}: {value}\r\n");
        }
        let mut raw = (raw + "\r\n").into_bytes();
        raw.extend_from_slice(&self.body);
        raw
    }

    /// The request as a presigned URL has it, valid for a minute.
    pub fn presigned_bytes(&self, host: &str) -> Vec<u8> {
        let date = amz_date(system_seconds() + self.skew);
        let credential = format!("{}/{}", self.config.access_key, self.scope(&date));
        let ask = self
            .clone()
            .query("X-Amz-Algorithm", "AWS4-HMAC-SHA256")
            .query("X-Amz-Credential", &credential)
            .query("X-Amz-Date", &date)
            .query("X-Amz-Expires", "60")
            .query("X-Amz-SignedHeaders", "host");
        let query = ask.wire_query();
        let request = format!("{}\n{}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD", self.method, self.path);
        let ask = ask.query("X-Amz-Signature", &self.signature(&request, &date));
        format!("{} {} HTTP/1.1\r\nHost: {host}\r\n\r\n", ask.method, ask.target()).into_bytes()
    }

    fn scope(&self, date: &str) -> String {
        format!("{}/{}/s3/aws4_request", &date[..8], self.config.region)
    }

    fn signature(&self, canonical_request: &str, date: &str) -> String {
        let scope = self.scope(date);
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", sha256_hex(canonical_request.as_bytes()));
        let secret = format!("AWS4{}", self.config.secret_key).into_bytes();
        let key = scope.split('/').fold(secret, |key, field| hmac(&key, field.as_bytes()));
        hex::encode(hmac(&key, text.as_bytes()))
    }

    fn wire_query(&self) -> String {
        let pairs: Vec<_> =
            self.query.iter().map(|(name, value)| (name.clone().into(), value.clone().into())).collect();
        canonical_query(&pairs)
    }

    fn target(&self) -> String {
        match self.wire_query() {
            query if query.is_empty() => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }

    fn authorization(&self, headers: &[(String, String)], date: &str, also: &[&str]) -> String {
        let mut signed: Vec<_> = headers
            .iter()
            .filter(|(name, _)| name == "host" || name.starts_with("x-amz-") || also.contains(&name.as_str()))
            .collect();
        signed.sort();
        let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let names: Vec<&str> = signed.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        let hash = headers.iter().find(|(name, _)| name == "x-amz-content-sha256").expect("added above");
        let request = format!("{}\n{}\n{}\n{lines}\n{names}\n{}", self.method, self.path, self.wire_query(), hash.1);
        let signature = self.signature(&request, date);
        let credential = format!("{}/{}", self.config.access_key, self.scope(date));
        format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}")
    }

    /// Sends the request on a connection of its own.
    pub async fn of(&self, server: &StrictServer) -> Answer {
        let mut line = Line::to(server).await;
        line.ask(self).await.expect("the server answers")
    }
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Raw head, in lower case for finding.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let found = self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        found.map(str::to_owned)
    }

    /// The text of the first element with this name in an XML body.
    pub fn element(&self, name: &str) -> Option<String> {
        let text = self.text();
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(inner, _)| inner.to_owned())
    }
}

/// One connection.
pub struct Line {
    pub stream: TcpStream,
    host: String,
}

impl Line {
    pub async fn to(server: &StrictServer) -> Self {
        let stream = TcpStream::connect(server.address()).await.expect("the server listens");
        Self { stream, host: server.address().to_string() }
    }

    pub async fn ask(&mut self, ask: &Ask) -> io::Result<Answer> {
        let raw = ask.bytes(&self.host, &[]);
        self.ask_raw(&raw, ask.method).await
    }

    pub async fn ask_raw(&mut self, raw: &[u8], method: &str) -> io::Result<Answer> {
        self.stream.write_all(raw).await?;
        self.answer(method).await
    }

    /// Reads an answer; an error when the connection ends within it.
    pub async fn answer(&mut self, method: &str) -> io::Result<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let status = head.get(9..12).and_then(|digits| digits.parse().ok());
        let status = status.ok_or_else(|| io::Error::other("no status line"))?;
        let mut answer = Answer { status, head, body: Vec::new() };
        let length = answer.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        if method != "HEAD" {
            answer.body = vec![0; length];
            self.stream.read_exact(&mut answer.body).await?;
        }
        Ok(answer)
    }
}

/// Waits for something that another task is about to do.
pub async fn eventually(what: &str, done: impl Fn() -> bool) {
    for _ in 0..1000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not within five seconds: {what}");
}
