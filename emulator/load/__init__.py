"""A bounded load on a Kinesis stream."""
