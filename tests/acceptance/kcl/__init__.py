"""A KCL 3 consumer in Java: its sources, and its process, for `test_kcl.py`."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
