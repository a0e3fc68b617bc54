"""Everything that the page knows. Pure.

`board` joins it: `history` has the newest windows in ring buffers, `progress` the watermark and the slots
that hold it, `settling` says when a window's rates may be shown, and `latencies` is a histogram of delays.
The newest revision of an aggregate wins; windows and alerts are bounded in number.
"""
