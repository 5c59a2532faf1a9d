//! What servers of other makes answered in one session, and what is made of it.
//!
//! `data/answers/recorded` has a file for each. `S3LITE_RECORD=NAME` writes one, of the server that is under test:
//!
//!     S3LITE_RECORD="s3proxy 4.1.0" cargo test --test conformance a_session_is_recorded
//!
//! Where a server makes something else of a call than S3 does, its row has what it is told as, and why that is right.

mod player;
mod recorder;
mod session;

use std::fs;
use std::path::Path;

use macro_rules_attribute::apply;
use serde_json::{Value, json};

use crate::server::Server;
use crate::support::folder::Folder;
use crate::support::runtimes::in_every_runtime;
use player::Player;
use recorder::Recorder;
use session::{CALLS, Stores};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/answers/recorded");
const SERVERS: usize = 7;

#[apply(in_every_runtime)]
async fn recorded_answers() {
    let mut count = 0;
    for file in fs::read_dir(FOLDER).expect("the folder of recordings") {
        let path = file.expect("a file").path();
        let text = fs::read_to_string(&path).expect("a recording");
        let rows: Vec<Row> = serde_json::from_str::<Vec<Value>>(&text).expect("rows").iter().map(Row::of).collect();
        for row in &rows {
            assert_eq!(row.told.is_some(), row.why.is_some(), "{}: what is told otherwise has a reason", row.call);
        }
        play(&path.display().to_string(), &rows).await;
        count += 1;
    }
    assert_eq!(count, SERVERS, "recordings are missing or not counted");
}

/// Of the server under test, a recording is made, and says what the server said.
#[apply(in_every_runtime)]
async fn a_session_is_recorded_and_played() {
    let folder = Folder::new();
    let (_running, server) = match Server::of_environment() {
        None => {
            let (running, server) = crate::embedded(&folder, None).await;
            (Some(running), server)
        }
        Some(server) if server.is_https() => return,
        Some(server) => (None, server),
    };
    let rows = record(&server).await;
    play(&server.endpoint, &rows).await;
    if let Ok(name) = std::env::var("S3LITE_RECORD") {
        let lines: Vec<_> = rows.iter().map(Row::json).collect();
        let file = Path::new(FOLDER).join(name.replace(' ', "-") + ".json");
        fs::write(file, format!("[\n {}\n]\n", lines.join(",\n "))).expect("a recording");
    }
}

/// One call, and what came of it.
struct Row {
    call: String,
    /// If it is not what S3 makes of it.
    told: Option<String>,
    /// Why that is right.
    why: Option<String>,
    answers: Vec<String>,
}

impl Row {
    fn of(row: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let answers = row["answers"].as_array().into_iter().flatten().filter_map(text).collect();
        Self { call: text(&row["call"]).expect("a call"), told: text(&row["told"]), why: text(&row["why"]), answers }
    }

    fn json(&self) -> String {
        let Self { call, told, why, answers } = self;
        let told = told.as_ref().map(|told| format!(r#""told": {}, "why": {}, "#, json!(told), json!(why)));
        format!(r#"{{"call": {}, {}"answers": {}}}"#, json!(call), told.unwrap_or_default(), json!(answers))
    }
}

async fn record(server: &Server) -> Vec<Row> {
    let recorder = Recorder::start(&server.endpoint).await;
    let stores = Stores::open(|| server.whole_bucket().set("endpoint", recorder.endpoint()));
    let mut rows = Vec::new();
    for (call, as_s3, run) in CALLS {
        let told = run(stores.clone()).await;
        let told = (told != *as_s3).then_some(told);
        rows.push(Row { call: (*call).to_owned(), told, why: None, answers: recorder.take().await });
    }
    rows
}

/// Demands that every call is told as it was, and asks for each answer and for no further one.
async fn play(server: &str, rows: &[Row]) {
    let player = Player::start().await;
    let stores = Stores::open(|| crate::support::store::config(player.endpoint()));
    assert_eq!(rows.len(), CALLS.len(), "the recording is of another session");
    for ((call, as_s3, run), row) in CALLS.iter().zip(rows) {
        assert_eq!(call, &row.call, "the recording is of another session");
        player.play(row.answers.clone());
        let told = run(stores.clone()).await;
        assert_eq!(told, row.told.as_deref().unwrap_or(as_s3), "{server}: {call}, answered with {:?}", row.answers);
        assert_eq!(player.left(), 0, "{server}: {call}: answers were not asked for");
    }
}
