//! AWS's partitions: which one a region belongs to, and under which names it is found.

/// A part of AWS with its own names, accounts and certificates.
pub(super) struct Partition {
    pub name: &'static str,
    region_prefix: &'static str,
    pub dns_suffix: &'static str,
}

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
        others.iter().find(|partition| region.starts_with(partition.region_prefix)).unwrap_or(aws)
    }
}
