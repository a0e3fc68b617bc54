"""The data of the page. Pure.

`board` contains the other parts: `history` has the newest windows in ring buffers, `progress` has the
watermark and the slots that hold it, `settling` decides when the rates of a window are shown, and `latencies`
is a histogram of delays. `conversations` has the newest conversations of each interface. The newest revision
wins. The numbers of windows, alerts and conversations are bounded.
"""
