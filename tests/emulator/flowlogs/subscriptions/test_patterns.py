"""Filter patterns: which lines they match, and which patterns are none."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.flowlogs.subscriptions.patterns import compiled
from emulator.kinesis.errors import Refused

SSH = "2 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK"
RDP = "2 123456789010 eni-1 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK"
NONE = "2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - NODATA"
WEB = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
WARN, BOTH, ERROR = "WARN message", "ERROR WARN message", "ERROR message"
GUIDE = (
    '[version, account, eni, source, destination, srcport, destport="22", protocol="6", packets, bytes, '
    'windowstart, windowend, action="REJECT", flowlogstatus]'
)

MATCHES: dict[str, list[str]] = {
    # Terms.
    "REJECT": [RDP],
    '"REJECT OK"': [RDP],
    "ACCEPT OK": [SSH],
    "?ACCEPT ?NODATA": [SSH, NONE],
    "? ACCEPT": [SSH],
    "-OK": [NONE, WEB, WARN, BOTH, ERROR],
    "OK -REJECT": [SSH],
    '"OK" - "REJECT"': [SSH],
    "?REJECT OK": [SSH, RDP],
    r'"\"GET"': [WEB],
    "ERROR WARN": [BOTH],
    "?ERROR ?WARN": [WARN, BOTH, ERROR],
    # Columns; the first three are the guide's.
    "[w1=ERROR, w2]": [ERROR],
    "[w1=ERROR || w1=WARN, w2]": [WARN, ERROR],
    "[w1!=ERROR&&w1!=WARN, w2]": [],
    GUIDE: [],
    GUIDE.replace("22", "3389"): [RDP],
    "[w1, w2]": [WARN, ERROR],
    '[..., action="REJECT", status]': [RDP],
    "[..., action!=REJECT, status=OK]": [SSH],
    "[version=2, ..., status]": [SSH, RDP, NONE],
    "[version, account, eni, source=172.31.9.*, ...]": [RDP],
    "[version, account, eni, source=*.139, ...]": [SSH],
    "[version, account, eni, source=172.*.139, ...]": [SSH],
    "[v, a, e, s, d, sp, destport<1024, ...]": [SSH],
    "[v, a, e, s, d, sp, destport >= 3389, ...]": [RDP],
    "[v, a, e, s, d, sp, destport>22 && destport<=3389, ...]": [RDP, WEB],
    "[v, a, e, s, d, sp, p=22 || p=3389 && p=1, ...]": [SSH],
    '[v, a, e, source="-", ...]': [NONE],
    "[ip, user, name, at, request=*html*, status=4*, bytes>1000]": [WEB],
    "[..., request=*html*, status=4*,]": [WEB],
    "[ip, user, name, at=10/Oct/2000*, ...]": [WEB],
}
LINES = [SSH, RDP, NONE, WEB, WARN, BOTH, ERROR]

REFUSED = {
    "a:b": "Invalid character(s) in term ':'",
    "?Status: timeout": "Invalid character(s) in term ':'",
    "(a": "Invalid character(s) in term '('",
    "a ?": "Invalid character(s) in term '?'",
    'a"b"': "Invalid character(s) in term '\"'",
    '"open': "Invalid character(s) in term '\"'",
    "[a, b": "If a filter pattern starts with '[' it must end with ']'",
    "{ $.a = 1": "If a filter pattern starts with '{' it must end with '}'",
    "{ $.a = 1 }": "This emulator supports no filter patterns for JSON: a flow log record is never JSON.",
    "%a.b%": "This emulator supports no regular expressions in filter patterns.",
    "[..., a, ...]": "Invalid filter pattern",
    "[a=1 && b=2]": "Invalid filter pattern",  # the guide had such an example, which AWS refuses
    "[a<b]": "Invalid filter pattern",
    "[a=]": "Invalid filter pattern",
    "[a 1]": "Invalid filter pattern",
    "[a=1 &&]": "Invalid filter pattern",
    "[a=&&]": "Invalid filter pattern",
    "[a=(1)]": "Invalid filter pattern",
    '[a="open]': "Invalid filter pattern",
}


def matched(pattern: str, lines: list[str]) -> list[str]:
    matches = compiled(pattern)
    return lines if matches is None else [line for line in lines if matches(line)]


@pytest.mark.parametrize("pattern", MATCHES)
def test_it_matches(pattern: str) -> None:
    assert matched(pattern, LINES) == MATCHES[pattern]


@pytest.mark.parametrize("pattern", ["", "  ", "[]", "[...]"])
def test_what_all_lines_match_need_not_be_asked(pattern: str) -> None:
    assert compiled(pattern) is None


@pytest.mark.parametrize("pattern", REFUSED)
def test_it_is_refused(pattern: str) -> None:
    with pytest.raises(Refused) as error:
        compiled(pattern)
    assert (error.value.code, error.value.message) == ("InvalidParameterException", REFUSED[pattern])


words = st.text(st.sampled_from("abz019.:-/"), min_size=1, max_size=6)


@given(st.lists(words, min_size=1, max_size=14), st.data())
def test_columns_match_the_line_they_were_made_from_and_no_other(
    fields: list[str], data: st.DataObject
) -> None:
    asked = data.draw(st.sets(st.integers(0, len(fields) - 1), min_size=1))
    columns = [f'c{at}="{word}"' if at in asked else f"c{at}" for at, word in enumerate(fields)]
    pattern = f"[{', '.join(columns)}]"
    changed = data.draw(st.integers(0, len(fields) - 1))
    other = [f"{word}!" if at == changed else word for at, word in enumerate(fields)]
    line, other_line = " ".join(fields), " ".join(other)
    assert matched(pattern, [line]) == [line]
    assert matched(pattern, [other_line]) == ([] if changed in asked else [other_line])
    assert matched(pattern, [f"{line} more"]) == []
    assert matched(pattern.replace("]", ", ...]"), [f"{line} more", line]) == [f"{line} more", line]


@given(st.text(max_size=30))
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    with suppress(Refused):
        assert set(matched(text, LINES)) <= set(LINES)
