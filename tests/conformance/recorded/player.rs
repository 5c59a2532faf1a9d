//! Gives recorded answers, one to each request, whatever it asks.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::support::request::take_request;
use crate::support::strict::clock::{http_date, system_seconds};

type Answers = Arc<Mutex<VecDeque<String>>>;

pub struct Player {
    address: SocketAddr,
    answers: Answers,
}

impl Player {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (address, answers) = (listener.local_addr().expect("an address"), Answers::default());
        tokio::spawn(accept(listener, answers.clone()));
        Self { address, answers }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the next requests are answered with.
    pub fn play(&self, answers: impl IntoIterator<Item = String>) {
        lock(&self.answers).extend(answers);
    }

    /// How many answers were not asked for yet.
    pub fn left(&self) -> usize {
        lock(&self.answers).len()
    }
}

async fn accept(listener: TcpListener, answers: Answers) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, answers.clone()));
    }
}

async fn serve(mut stream: TcpStream, answers: Answers) {
    while take_request(&mut stream).await {
        // A request too many finds the connection closed, and its call fails otherwise than it did.
        let Some(answer) = lock(&answers).pop_front().map(|answer| of_today(&answer)) else { return };
        let closes = answer.to_ascii_lowercase().contains("\r\nconnection: close\r\n");
        if stream.write_all(answer.as_bytes()).await.is_err() || closes {
            return;
        }
    }
}

/// The answer with the date of today: by one of long ago, a refusal would be the clock's fault.
fn of_today(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let lines = head.split("\r\n").map(|line| match line.get(..6) {
        Some(name) if name.eq_ignore_ascii_case("date: ") => format!("{name}{}", http_date(system_seconds())),
        _ => line.to_owned(),
    });
    format!("{}\r\n\r\n{body}", lines.collect::<Vec<_>>().join("\r\n"))
}

fn lock(answers: &Mutex<VecDeque<String>>) -> MutexGuard<'_, VecDeque<String>> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}
