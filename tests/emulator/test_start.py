"""What the emulator must not load before it answers: each of these takes a tenth of a second or more.

The figure itself, 0.7 s from start to first answer, is measured by `make bench-emulator`.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    *("aiohttp", "boto3", "faust", "h2", "lmdb", "moto"),
    *("numpy", "polars", "pydantic", "rich", "structlog"),
)
ANSWERED = """
import asyncio, sys, urllib.request
from streams import cli
from emulator import server

async def main():
    async with server.emulator() as url:
        page = await asyncio.to_thread(lambda: urllib.request.urlopen(url + "/_localstack/health").read())
    assert b'"kinesis":"running"' in page.replace(b" ", b""), page

asyncio.run(main())
print(*sorted(set(sys.argv[1:]) & set(sys.modules)))
"""


@pytest.mark.process
def test_health_is_answered_before_anything_heavy_is_loaded() -> None:
    command = [sys.executable, "-c", ANSWERED, *HEAVY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
