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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_and_hosts_have_their_partitions() {
        for (region, name) in [
            ("eu-central-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("aws-cn-global", "aws-cn"),
            ("aws-global", "aws"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-isob-east-1", "aws-iso-b"),
            ("nowhere", "aws"),
        ] {
            assert_eq!(Partition::of(region).name, name, "{region}");
        }
        let of_host = |host| Partition::of_host(host).map(|(partition, rest)| (partition.name, rest));
        assert_eq!(of_host("s3.cn-north-1.amazonaws.com.cn"), Some(("aws-cn", "s3.cn-north-1")));
        assert_eq!(of_host("s3.amazonaws.com"), Some(("aws", "s3")));
        assert_eq!((of_host("amazonaws.com"), of_host("xamazonaws.com"), of_host("minio")), (None, None, None));
        assert_eq!(partition("a", "b-", "c").region_prefix, "b-");
    }
}
