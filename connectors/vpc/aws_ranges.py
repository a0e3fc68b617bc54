"""A few of AWS's published address ranges with their service codes, the values of `pkt-*-aws-service`.

An excerpt of ip-ranges.json (US East and global), enough for a synthetic world to talk to AWS. The real file
has ten thousand ranges and changes weekly; a caller that needs it passes the list to `Directory`.
"""

from __future__ import annotations

AWS_RANGES: tuple[tuple[str, str], ...] = (
    ("3.5.0.0/19", "S3"),
    ("52.216.0.0/15", "S3"),
    ("54.231.0.0/16", "S3"),
    ("52.94.0.0/22", "DYNAMODB"),
    ("13.224.0.0/14", "CLOUDFRONT"),
    ("99.86.0.0/16", "CLOUDFRONT"),
    ("2600:9000::/28", "CLOUDFRONT"),
    ("3.80.0.0/12", "EC2"),
    ("2600:1f18::/33", "EC2"),
    ("15.177.0.0/18", "ROUTE53_HEALTHCHECKS"),
    ("54.243.31.192/26", "ROUTE53_HEALTHCHECKS"),
    ("52.46.128.0/19", "AMAZON"),
    ("3.80.0.0/12", "AMAZON"),
    ("52.216.0.0/15", "AMAZON"),
)
