"""Subscription filters of CloudWatch Logs whose destination is this emulator's Kinesis or Firehose.

`service` takes the requests; `filters` keeps and checks the filters and `patterns` evaluates filter patterns
(pure). `delivery` sends matching events in the gzip envelope. `kept_events` bounds what moto keeps (pure).
"""
