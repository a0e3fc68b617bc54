"""The builder of a topology, by ordinary EC2 calls at any endpoint."""
