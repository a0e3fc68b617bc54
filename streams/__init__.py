"""The computation: from blocks of lines to windows, alerts and the page.

A row belongs to the tumbling window of its `start`. A window's totals are published on every flush in
which they changed, once more with `final: true` when the watermark passes its end, and again with a higher
revision when a late row amends them. A row older than the retention is late: counted, and kept in `dead`.
Totals are absolute and exact; estimates say that they are estimates.
"""
