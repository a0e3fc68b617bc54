"""Subscription filters of CloudWatch Logs whose destination is this emulator's Kinesis or Firehose."""
