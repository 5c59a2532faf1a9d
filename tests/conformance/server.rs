//! The server under test, and stores that lead to it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use s3lite::{ListObjectsV2, Store, StoreConfig, StoreConfigBuilder};

static STORES: AtomicU32 = AtomicU32::new(0);

/// Where a server is and how to get in.
pub struct Server {
    pub endpoint: String,
    pub region: String,
    pub access_key: String,
    pub secret_key: String,
    pub bucket: String,
    pub ca_file: Option<PathBuf>,
    pub style: String,
}

impl Server {
    /// Reads `S3LITE_TEST_…`; `None` if no endpoint is set.
    pub fn of_environment() -> Option<Self> {
        let get = |name: &str| std::env::var(format!("S3LITE_TEST_{name}")).ok().filter(|value| !value.is_empty());
        let need = |name: &str| get(name).unwrap_or_else(|| panic!("S3LITE_TEST_{name} is not set"));
        Some(Self {
            endpoint: get("ENDPOINT")?,
            region: get("REGION").unwrap_or_else(|| "us-east-1".to_owned()),
            access_key: need("ACCESS_KEY"),
            secret_key: need("SECRET_KEY"),
            bucket: need("BUCKET"),
            ca_file: get("CA_FILE").map(PathBuf::from),
            style: get("STYLE").unwrap_or_else(|| "auto".to_owned()),
        })
    }

    pub fn is_https(&self) -> bool {
        self.endpoint.starts_with("https://")
    }

    /// The PEM of whom to trust, for the plain client.
    pub fn ca(&self) -> Option<String> {
        self.ca_file.as_ref().map(|path| std::fs::read_to_string(path).expect("the CA file"))
    }

    /// The configuration of a store with a prefix of its own, so that no case sees another's objects.
    pub fn config(&self) -> StoreConfigBuilder {
        let number = STORES.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_nanos();
        self.whole_bucket().set("key-prefix", format!("s3lite-test/{now:x}-{number}/"))
    }

    /// The configuration of a store that sees all of the bucket.
    pub fn whole_bucket(&self) -> StoreConfigBuilder {
        let config = StoreConfig::builder()
            .set("endpoint", self.endpoint.as_str())
            .set("region", self.region.as_str())
            .set("access-key", self.access_key.as_str())
            .set("secret-key", self.secret_key.as_str())
            .set("bucket", self.bucket.as_str())
            .set("addressing", self.style.as_str())
            .set("allow-http", true);
        match &self.ca_file {
            Some(path) => config.set("tls.ca-file", path.to_str().expect("a path in UTF-8")),
            None => config,
        }
    }

    pub fn store(&self) -> Store {
        open(self.config())
    }
}

pub fn open(config: StoreConfigBuilder) -> Store {
    config.build().and_then(Store::new).expect("a valid configuration")
}

/// Deletes all that a case has stored.
pub async fn clean(store: &Store) {
    let mut pages = store.list(ListObjectsV2::new());
    while let Some(object) = pages.next_object().await.expect("a listing") {
        store.delete(&object.key).await.expect("the object is deleted");
    }
}

/// Bytes that do not repeat.
pub fn bytes(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(count).collect()
}
