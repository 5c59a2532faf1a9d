//! hyper-util's pooled client, which s3lite sends through: the part of s3lite's cost that the pool makes.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, Request, Uri};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::raw_hyper::read_to_end;
use super::{Call, Client, Object, SendBody};
use crate::Result;
use crate::server::Site;

/// One pool for all tasks; each has its clone.
pub struct PooledHyper {
    pool: Pool<HttpConnector, SendBody>,
    object: Uri,
    content: Bytes,
}

impl Client for PooledHyper {
    const NAME: &'static str = "hyper-util";

    async fn make(site: &Site, count: usize, object: Object) -> Result<Vec<Self>> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let pool = Pool::builder(TokioExecutor::new()).build(connector);
        let uri: Uri = format!("http://{}/bucket/{}", site.http(), object.key()).parse()?;
        let content = Bytes::from(vec![b'x'; object.size]);
        let client = || Self { pool: pool.clone(), object: uri.clone(), content: content.clone() };
        Ok(std::iter::repeat_with(client).take(count).collect())
    }

    async fn call(&mut self, call: Call) -> Result<()> {
        let (method, content) = match call {
            Call::Put => (Method::PUT, self.content.clone()),
            Call::Get => (Method::GET, Bytes::new()),
            Call::Head => (Method::HEAD, Bytes::new()),
            Call::Delete => (Method::DELETE, Bytes::new()),
        };
        let length = content.len();
        let mut request = Request::new(SendBody::bytes(content));
        if length > 0 {
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        *request.method_mut() = method;
        *request.uri_mut() = self.object.clone();
        let response = self.pool.request(request).await?;
        if !response.status().is_success() {
            return Err(format!("the null server says {}", response.status()).into());
        }
        read_to_end(response.into_body()).await?;
        Ok(())
    }
}
