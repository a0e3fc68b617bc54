"""`make bench-peers`: Flink and Kafka Streams on the same lines as the worker, exactly once, and the ratios.

The Java programs read lines from Kafka, parse them, and write totals by interface, action and window, or
conversations, to Kafka. Both are tuned in their favour: no lateness, no revisions, no state on disk.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
