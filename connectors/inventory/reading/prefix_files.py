"""The files of address blocks that the settings name. A file that cannot be used is one log line.

`VPCFLOW_AWS_RANGES` is a file or a URL, `VPCFLOW_PREFIX_LISTS` a file. A file is read again when it changes,
a URL once a day.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import structlog

from connectors.inventory.reading.prefixes import BadPrefixes, aws_ranges, user_lists
from connectors.inventory.rows import PrefixRow

log = structlog.get_logger()

TIMEOUT_S = 20.0
SIZE_MAX = 32 << 20
"""The largest file or answer; ip-ranges.json has about 2 MB."""
URL_AGAIN_S = 24 * 3600.0
FAILED_AGAIN_S = 600.0


class PrefixSource:
    """One file or URL and its row. `parse` raises `BadPrefixes`."""

    def __init__(self, setting: str, place: str, parse: Callable[[bytes], PrefixRow]) -> None:
        self._setting, self._place, self._parse = setting, place, parse
        self._row: PrefixRow | None = None
        self._version: float | None = None
        self.why = ""
        """A sentence on the last failure; empty after a success."""

    async def row(self) -> PrefixRow | None:
        """Return the newest usable content; None if there was none yet."""
        try:
            await self._refresh()
            self.why = ""
        except (OSError, BadPrefixes, aiohttp.ClientError, TimeoutError, ValueError) as error:
            why = f"{self._setting}={self._place} cannot be used: {error or 'no answer'}"
            if why != self.why:
                log.warning("address blocks not read", why=why)
                self.why = why
        return self._row

    async def _refresh(self) -> None:
        if self._place.startswith(("http://", "https://")):
            if self._version is not None and time.monotonic() < self._version:
                return
            self._version = time.monotonic() + FAILED_AGAIN_S
            self._row = self._parse(await _fetched(self._place))
            self._version = time.monotonic() + URL_AGAIN_S
            return
        changed, content = await asyncio.to_thread(_read, Path(self._place), self._version)
        if content is not None:
            self._version = changed
            self._row = self._parse(content)


def prefix_sources(ranges: str, lists: str) -> list[PrefixSource]:
    """Return the sources of two settings; an empty setting has none."""
    found = [PrefixSource("VPCFLOW_AWS_RANGES", ranges, aws_ranges)] if ranges else []
    if lists:
        found.append(PrefixSource("VPCFLOW_PREFIX_LISTS", lists, lambda text: user_lists(text, lists)))
    return found


def _read(path: Path, known: float | None) -> tuple[float, bytes | None]:
    """Return the time of the last change of a file and its content; None if it has not changed."""
    changed = path.stat().st_mtime
    if changed == known:
        return changed, None
    with path.open("rb") as file:
        content = file.read(SIZE_MAX + 1)
    if len(content) > SIZE_MAX:
        raise BadPrefixes(f"it is larger than {SIZE_MAX} bytes")
    return changed, content


async def _fetched(url: str) -> bytes:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as client, client.get(url) as response:
        response.raise_for_status()
        content = b""
        async for chunk in response.content.iter_chunked(1 << 16):
            content += chunk
            if len(content) > SIZE_MAX:
                raise BadPrefixes(f"the answer is larger than {SIZE_MAX} bytes")
        return content
