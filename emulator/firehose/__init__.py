"""Plays Amazon Data Firehose: takes records, buffers them, and delivers them to S3 or to an HTTP endpoint.

All twelve calls on delivery streams are played. Sources: direct puts, and a stream of the emulator's own
Kinesis from LATEST on. Destinations: S3, plain and extended, and an HTTP endpoint with its S3 backup.
Delivery goes on beside the calls and never holds one up. What is buffered is in memory only.

Not played, and refused with a sentence: other sources and destinations, Lambda and the other processors
except `AppendDelimiterToRecord`, format conversion, dynamic partitioning, ZIP and Snappy, access keys in
Secrets Manager. One thing is allowed that AWS refuses: an endpoint whose URL begins with `http://`.
"""
