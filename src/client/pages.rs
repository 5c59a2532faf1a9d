//! A listing, page by page.

use std::collections::VecDeque;

use super::Store;
use crate::error::{Error, Result, printable};
use crate::operation::{ListObjectsV2, ListedObject, ListingCursor, ListingPage};

/// A listing being read: whole pages, or object by object.
///
/// ```no_run
/// # async fn example(store: s3lite::Store) -> s3lite::Result<()> {
/// use s3lite::ListObjectsV2;
///
/// let mut pages = store.list(ListObjectsV2::new().prefix("mail/"));
/// while let Some(page) = pages.next().await? {
///     for object in page.contents {
///         println!("{:?} bytes, {}", object.size, object.key);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Pages {
    store: Store,
    cursor: ListingCursor,
    objects: VecDeque<ListedObject>,
    unreadable: Vec<String>,
    /// Why there are no more pages, if not because they were read.
    failed: Option<Error>,
}

impl Pages {
    pub(super) fn new(store: Store, list: ListObjectsV2) -> Self {
        Self { store, cursor: ListingCursor::new(list), objects: VecDeque::new(), unreadable: Vec::new(), failed: None }
    }

    /// Reads the next page; `None` after the last. A page may be empty without being the last.
    ///
    /// # Errors
    ///
    /// The service's refusal, or a listing that is none: HTML, an error document, nothing, or one that goes in circles. After
    /// one that may pass the next call asks for the same page again; a listing that is wrong stays an error.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no page: the next call asks for the same one again.
    pub async fn next(&mut self) -> Result<Option<ListingPage>> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let Some(list) = self.cursor.next_page() else { return Ok(None) };
        let read = self.store.send(list.clone()).await;
        let page = read.and_then(|page| self.cursor.advance(&page).map(|()| page));
        self.failed = page.as_ref().err().filter(|error| error.is_final_protocol()).cloned();
        page.map(Some)
    }

    /// Reads the next object; `None` after the last. Common prefixes are passed over.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next). A page with keys that are no UTF-8 gives its other objects, then once an error that names those
    /// keys; the next call goes on behind them.
    pub async fn next_object(&mut self) -> Result<Option<ListedObject>> {
        loop {
            if let Some(object) = self.objects.pop_front() {
                return Ok(Some(object));
            }
            if !self.unreadable.is_empty() {
                let names = std::mem::take(&mut self.unreadable).join(", ");
                return Err(Error::protocol(format!("the listing has keys that are no UTF-8: {}", printable(&names))));
            }
            let Some(page) = self.next().await? else { return Ok(None) };
            self.objects.extend(page.contents);
            self.unreadable = page.unreadable;
        }
    }
}
