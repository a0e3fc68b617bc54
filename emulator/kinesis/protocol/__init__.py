"""How Kinesis requests, answers and records are encoded. Pure."""
