//! From page to page, to the end of a listing or to an error: never in circles, never a key twice.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use super::{ListObjectsV2, ListingPage};
use crate::error::{Error, Result, printable};

/// How many pages without an entry are followed before the listing counts as broken.
const MAX_EMPTY_PAGES: u32 = 1000;

/// Goes from page to page, and stops with an error where a service would keep it going for ever or begin again.
///
/// S3 lists in the order of the keys' bytes, so that no key comes at or before the last one. Directory buckets and some other
/// services keep no order, which one look inside a page shows; of those only a whole page that comes again is told.
#[derive(Clone, Debug)]
pub struct ListingCursor {
    next: Option<ListObjectsV2>,
    /// Hashes of the tokens that were followed: a listing of a billion keys has a million of them.
    followed: HashSet<u64>,
    /// Hashes of the pages that were read, where no order tells whether they come again.
    pages: HashSet<u64>,
    keys: Order,
    prefixes: Order,
    empty_pages: u32,
}

/// How the names of a listing came so far.
#[derive(Clone, Debug, Default)]
struct Order {
    last: Option<String>,
    is_broken: bool,
}

impl Order {
    /// Takes the names of a page.
    ///
    /// # Errors
    ///
    /// A name that comes a second time; where there is an order, one before the end of the page before.
    fn take<'n>(&mut self, names: impl Iterator<Item = &'n str> + Clone) -> Result<()> {
        let mut before: Option<&str> = None;
        for name in names.clone() {
            match before.map(|before| before.cmp(name)) {
                Some(std::cmp::Ordering::Equal) => return Err(again(name)),
                Some(std::cmp::Ordering::Greater) => self.is_broken = true,
                _ => {}
            }
            before = Some(name);
        }
        let (Some(first), Some(last)) = (names.clone().next(), before) else { return Ok(()) };
        let is_back = self.last.as_deref().is_some_and(|last| first <= last);
        if is_back && (!self.is_broken || self.last.as_deref() == Some(first)) {
            return Err(again(first));
        }
        self.last = Some(last.to_owned());
        Ok(())
    }
}

fn again(name: &str) -> Error {
    Error::protocol(format!(
        "the listing begins again: {:?} comes at or behind a key that came before",
        printable(name)
    ))
}

impl ListingCursor {
    /// Starts with this listing.
    pub fn new(first: ListObjectsV2) -> Self {
        let (followed, pages, keys, prefixes, empty_pages) = Default::default();
        Self { next: Some(first), followed, pages, keys, prefixes, empty_pages }
    }

    /// Returns the page to ask for; `None` after the last.
    pub fn next_page(&self) -> Option<&ListObjectsV2> {
        self.next.as_ref()
    }

    /// Takes note of a page that was read.
    ///
    /// # Errors
    ///
    /// A token, a key or a page that came before, or too many empty pages in a row. There is no next page then.
    pub fn advance(&mut self, page: &ListingPage) -> Result<()> {
        let asked = self.next.take();
        self.keys.take(page.contents.iter().map(|object| object.key.as_str()))?;
        self.prefixes.take(page.common_prefixes.iter().map(String::as_str))?;
        let Some(token) = &page.next_continuation_token else { return Ok(()) };
        if !self.followed.insert(hash_of(token)) {
            return Err(Error::protocol("the listing goes in circles: the service gave the same token twice"));
        }
        let is_empty = page.contents.is_empty() && page.common_prefixes.is_empty();
        self.empty_pages = if is_empty { self.empty_pages + 1 } else { 0 };
        if self.empty_pages > MAX_EMPTY_PAGES {
            return Err(Error::protocol(format!("the listing has {MAX_EMPTY_PAGES} empty pages in a row")));
        }
        let is_ordered = !self.keys.is_broken && !self.prefixes.is_broken;
        if !is_empty && !is_ordered && !self.pages.insert(hash_of_names(page)) {
            return Err(Error::protocol("the listing goes in circles: the service gave the same page twice"));
        }
        self.next = asked.map(|list| list.continuation_token(token));
        Ok(())
    }
}

fn hash_of(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn hash_of_names(page: &ListingPage) -> u64 {
    let mut hasher = DefaultHasher::new();
    page.contents.iter().for_each(|object| object.key.hash(&mut hasher));
    page.common_prefixes.hash(&mut hasher);
    hasher.finish()
}
