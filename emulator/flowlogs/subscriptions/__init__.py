"""Subscription filters of CloudWatch Logs whose destination is this emulator's Kinesis or Firehose.

`service` answers the requests; `filters` stores and checks the filters, and `patterns` evaluates filter
patterns (pure). `delivery` sends matching events in the gzip envelope. `kept_events` limits the events that
moto retains (pure).
"""
