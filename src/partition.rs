//! AWS's partitions: which one a region belongs to, and under which names it is found.

/// A part of AWS with its own names, accounts and certificates.
pub(crate) struct Partition {
    pub name: &'static str,
    region_prefix: &'static str,
    pub dns_suffix: &'static str,
}

/// The region that stands for what has none, in the partitions that are not the first (`aws-cn-global`).
const GLOBAL: &str = "-global";

/// The partitions, most particular prefix first; a region that fits none belongs to the first, as in AWS's rules.
const PARTITIONS: [Partition; 8] = [
    partition("aws", "", "amazonaws.com"),
    partition("aws-cn", "cn-", "amazonaws.com.cn"),
    partition("aws-us-gov", "us-gov-", "amazonaws.com"),
    partition("aws-iso", "us-iso-", "c2s.ic.gov"),
    partition("aws-iso-b", "us-isob-", "sc2s.sgov.gov"),
    partition("aws-iso-e", "eu-isoe-", "cloud.adc-e.uk"),
    partition("aws-iso-f", "us-isof-", "csp.hci.ic.gov"),
    partition("aws-eusc", "eusc-", "amazonaws.eu"),
];

const fn partition(name: &'static str, region_prefix: &'static str, dns_suffix: &'static str) -> Partition {
    Partition { name, region_prefix, dns_suffix }
}

impl Partition {
    /// Finds the partition of a region, which need not exist.
    pub fn of(region: &str) -> &'static Self {
        let [aws, others @ ..] = &PARTITIONS;
        let is_of = |partition: &&Self| {
            region.starts_with(partition.region_prefix) || region.strip_suffix(GLOBAL) == Some(partition.name)
        };
        others.iter().find(is_of).unwrap_or(aws)
    }

    /// Finds the partition that a host belongs to, and what precedes its suffix.
    pub fn of_host(host: &str) -> Option<(&'static Self, &str)> {
        // The longest suffix counts: amazonaws.com.cn is not below amazonaws.com.
        PARTITIONS.iter().find_map(|partition| {
            let rest = host.strip_suffix(partition.dns_suffix)?.strip_suffix('.')?;
            Some((partition, rest))
        })
    }
}
