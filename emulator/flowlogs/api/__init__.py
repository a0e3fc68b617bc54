"""The EC2 calls about flow logs."""
