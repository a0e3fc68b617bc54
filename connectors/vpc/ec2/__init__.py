"""The reader of an estate, from any EC2 endpoint."""
