"""Partial sums in, windows out. Pure.

`merge` keeps the open windows and separates late, final and amended rows; `watermark` combines the watermarks
of the slots. `window_table` has the totals as tables, `fold` adds rows of one key, `maps` has the bit maps of
ports and sources. `aggregate_encoding` encodes aggregates as keys and JSON in bulk, and `render` renders
columns as text.
"""
