"""Partial sums in, windows out. Pure.

`merge` keeps the open windows and decides what is late, final or amended; `watermark` says how far windows
are complete. `window_table` has totals as tables, `fold` adds rows of a key, `maps` has the bit maps of ports
and sources. `aggregate_encoding` writes aggregates as keys and JSON in bulk, and `render` writes columns as
text.
"""
