"""The data of the page. Pure.

`board` contains the other parts: `history` has the newest windows in ring buffers, `progress` has the
watermark and the slots that hold it, `settling` decides when the rates of a window are shown, and `latencies`
is a histogram of delays. The newest revision of an aggregate wins. The numbers of windows and alerts are
bounded.
"""
