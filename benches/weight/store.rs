//! Puts an object and gets it again, with s3lite: `store ENDPOINT KEY`.

use s3lite::{Store, StoreConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run())
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (endpoint, key) = (arguments.next().ok_or("an endpoint")?, arguments.next().ok_or("a key")?);
    let config = StoreConfig::builder().set("bucket", "b").set("region", "us-east-1").set("endpoint", endpoint);
    let store = Store::new(config.build()?)?;
    store.put(key.as_str(), "hello").await?;
    println!("{} bytes", store.get(key.as_str()).await?.bytes().await?.len());
    Ok(())
}
