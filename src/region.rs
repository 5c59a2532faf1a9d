//! A region's name, which every signature holds and AWS's hosts are made of.

use crate::error::{Error, Result};
use crate::partition::Partition;

/// A region's name: letters, digits, inner hyphens and underscores, whether it exists yet or not.
///
/// Other services than AWS have names of their own, which are only signed: `auto`, `garage`, `zg_publicru`. Where a host derives
/// from the region, the configuration demands the form that AWS's regions have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Region(String);

impl Region {
    /// Checks a region's name.
    ///
    /// # Errors
    ///
    /// A name with other characters: dots, slashes and blanks would make another host or another signature of it.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let fits = (1..=63).contains(&name.len()) && name.bytes().all(inner);
        if fits && !name.starts_with('-') && !name.ends_with('-') {
            return Ok(Self(name));
        }
        Err(Error::config(
            "is no region: a region's name has letters, digits and inner hyphens, for example eu-central-1",
        ))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true if both regions belong to one partition of AWS, whose hosts share a domain.
    pub fn shares_partition(&self, other: &str) -> bool {
        Partition::of(&self.0).name == Partition::of(other).name
    }

    /// Returns true if AWS could have a region of this name: words in lower case and a number, or a pseudo-region.
    pub fn may_be_of_aws(&self) -> bool {
        let mut words = self.0.split('-');
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
        let last = words.next_back().unwrap_or_default();
        let others: Vec<&str> = words.collect();
        let is_number = last.bytes().all(|b| b.is_ascii_digit());
        let is_pseudo = last == "global" && self.0.starts_with("aws");
        others.iter().all(|word| is_word(word)) && (is_number && others.len() >= 2 || is_pseudo && !others.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_aws_could_have() {
        for (name, may_be) in [
            ("eu-central-1", true),
            ("us-gov-west-1", true),
            ("ap-southeast-12", true),
            ("aws-global", true),
            ("aws-us-gov-global", true),
            ("us-east", false),
            ("us-1", false),
            ("1", false),
            ("us-east-1a", false),
            ("us-e4st-1", false),
            ("4s-east-1", false),
            ("us--1", false),
            ("global", false),
            ("aws", false),
            ("aws-east", false),
            ("other-global", false),
            ("aws9-global", false),
            ("garage", false),
            ("auto", false),
        ] {
            let region = Region::new(name).expect(name);
            assert_eq!(region.may_be_of_aws(), may_be, "{name}");
        }
    }
}
