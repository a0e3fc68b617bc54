"""The limits of tags of a stream or a consumer: their characters and their number.

The two messages about characters are AWS's, recorded by kinesalite's suite. So is the number in the message
about too many tags, which AWS did not change when it raised the limit to 50.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from emulator.kinesis.errors import invalid_argument

MOST_TAGS = 50  # AddTagsToStream: "You can add up to 50 tags per resource."
# Unicode letters, digits, blanks and _ . : / = + - % @. The colon is in TagResource's documentation.
_STRANGE = re.compile(r"[^\w.:/=+\-@% ]")


def check_tags(what: str, tags: Mapping[str, str], present: Mapping[str, str]) -> None:
    """Check new tags and the total number. `what` names the resource in messages. Raises `Refused`."""
    _check_characters(f"add tags to {what}", [*tags, *tags.values()])
    reserved = [key for key in tags if key.lower().startswith("aws:")]
    if reserved:
        # AWS's message for this error is not published.
        raise invalid_argument(
            f"Tag keys must not start with 'aws:', which is reserved: {', '.join(reserved)}."
        )
    if len(tags.keys() | present.keys()) > MOST_TAGS:
        raise invalid_argument(
            f"Failed to add tags to {what} because a given stream cannot have more than 10 tags associated "
            "with it."
        )


def check_tag_keys(what: str, keys: Iterable[str]) -> None:
    """Check the characters of tag keys. Raises `Refused`."""
    _check_characters(f"remove tags from {what}", keys)


def _check_characters(attempt: str, texts: Iterable[str]) -> None:
    texts = list(texts)
    if any(_STRANGE.search(text) for text in texts):
        raise invalid_argument(
            "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, "
            "_ . / = + - % @."
        )
    if any("%" in text for text in texts):
        raise invalid_argument(
            f"Failed to {attempt} because some tags contained illegal characters. The allowed characters are "
            "Unicode letters, white-spaces, '_',',','/','=','+','-','@'."
        )
