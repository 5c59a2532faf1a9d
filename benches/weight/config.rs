//! Reads a configuration with the core alone, and uses nothing else of it: `config BUCKET`.

use s3lite::StoreConfig;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bucket = std::env::args().nth(1).ok_or("a bucket")?;
    let config = StoreConfig::builder().set("bucket", bucket).set("region", "us-east-1").build()?;
    println!("{}", config.endpoint().host());
    Ok(())
}
