"""Partial sums in, windows out. Pure.

`merge` keeps the open windows and separates late, final and amended rows; `watermark` combines the watermarks
of the slots, and `position` is stored by every flush. `partial` is one message of partials. `window_table`
has the totals as tables, `names` their entities, `fold` adds rows of one key, `maps` has the bit maps of
ports and sources. `flushed` is the output of one flush. `state` has the messages of the state topic, and
`replay` reads the stored flushes again. `aggregate_encoding` encodes aggregates as keys and JSON in bulk, and
`render` renders columns as text.
"""
