"""One file for each call of Kinesis: what it refuses for its type, what for its value, and what it does."""
