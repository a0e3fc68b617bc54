"""`connect kinesis`: every shard of the chosen streams, in its slot."""
