"""The setting that chooses streams: names, ARNs, patterns and tags.

`flow-logs`, `flow-*`, `arn:aws:kinesis:…:stream/flow-logs`, `tag:team=net`, or a list of
these, separated by commas. Patterns and tags are resolved again at intervals, so new streams are found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

_ARN = re.compile(r"arn:aws[a-z-]*:kinesis:[a-z0-9-]+:\d{12}:stream/[a-zA-Z0-9_.-]{1,128}")
_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}")
_PATTERN = re.compile(r"[a-zA-Z0-9_.*?-]{1,128}")


class BadChoice(ValueError):
    """The setting is invalid; the message has the wrong part and the valid forms."""


@dataclass(frozen=True, slots=True)
class StreamChoice:
    """The configured streams. `named` are names and ARNs, which must exist; the rest is a search."""

    named: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def is_search(self) -> bool:
        """Return whether streams must be listed."""
        return bool(self.patterns or self.tags)

    def matches(self, name: str) -> bool:
        """Return whether a stream's name matches a pattern."""
        return any(fnmatchcase(name, pattern) for pattern in self.patterns)

    def has_tag(self, tags: dict[str, str]) -> bool:
        """Return whether a stream's tags match; a required tag without a value matches any value."""
        return any(key in tags and value in {"", tags[key]} for key, value in self.tags)


def parse_choice(text: str) -> StreamChoice:
    """Parse the setting. Raises `BadChoice`."""
    named, patterns, tags = [], [], []
    for part in filter(None, (part.strip() for part in text.split(","))):
        if part.startswith("tag:"):
            key, _, value = part.removeprefix("tag:").partition("=")
            if not key:
                raise BadChoice(f"{part!r} has no tag key: use tag:key=value, or tag:key")
            tags.append((key, value))
        elif _NAME.fullmatch(part) or _ARN.fullmatch(part):
            named.append(part)
        elif _PATTERN.fullmatch(part):
            patterns.append(part)
        else:
            raise BadChoice(
                f"{part!r} is not a stream: use a name, a pattern with * or ?, an ARN, or tag:key=value"
            )
    if not named and not patterns and not tags:
        raise BadChoice("no stream is named: use a name, a pattern, an ARN, or tag:key=value")
    return StreamChoice(tuple(named), tuple(patterns), tuple(tags))


def stream_name(named: str) -> str:
    """Return the name in a name or an ARN."""
    return named.rpartition("/")[2]
