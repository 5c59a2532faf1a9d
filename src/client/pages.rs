//! A listing, page by page.

use std::collections::VecDeque;

use super::Store;
use crate::error::{Error, Result};
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
///         println!("{} {}", object.size, object.key);
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
    /// Why there are no more pages, if not because they were read.
    failed: Option<Error>,
}

impl Pages {
    pub(super) fn new(store: Store, list: ListObjectsV2) -> Self {
        Self { store, cursor: ListingCursor::new(list), objects: VecDeque::new(), failed: None }
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
    /// As [`next`](Self::next).
    pub async fn next_object(&mut self) -> Result<Option<ListedObject>> {
        while self.objects.is_empty() {
            match self.next().await? {
                Some(page) => self.objects.extend(page.contents),
                None => return Ok(None),
            }
        }
        Ok(self.objects.pop_front())
    }
}
