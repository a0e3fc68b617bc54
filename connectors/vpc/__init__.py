"""The network model: a VPC estate as EC2 describes it, and the verdict on a packet."""
