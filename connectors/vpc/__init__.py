"""The network model: a VPC estate as EC2 describes it, and the verdict on a packet.

`network` has one record for each EC2 resource, in AWS's words; `estate` indexes all of them at one moment.
`addresses` are IPv4 and IPv6 numbers, `aws_ranges` some of AWS's published ranges, `packets` a packet and a
flow, `decisions` a verdict with the rule that decided. `rules` evaluates route tables, security groups and
network ACLs; `path` follows a packet through the network; `ec2` reads an estate from an EC2 API; `diagnosis`
explains why one end can or cannot reach another.
"""
