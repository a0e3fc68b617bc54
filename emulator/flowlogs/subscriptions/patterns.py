"""Filter patterns of CloudWatch Logs, compiled to predicates on lines. Pure.

Two kinds are supported: terms (`REJECT`, `"a phrase"`, `?either ?or`, `-without`), and columns, the usual
pattern for flow logs (`[version, account, eni, source, ..., action="REJECT", status]`). Patterns for JSON and
regular expressions between `%` are refused: no flow log record is JSON, and regular expressions are not
needed.

Source: CloudWatch Logs guide, "Filter pattern syntax". Three of AWS's messages are known from error reports
("Invalid character(s) in term '…'", "If a filter pattern starts with '[' it must end with ']'", and, for all
other errors, "Invalid filter pattern").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import ge, gt, le, lt

from emulator.kinesis.errors import Refused

Matches = Callable[[str], bool]
"""A predicate: True if a line matches."""

_TERM = re.compile(r'([?-]?)\s*(?:"((?:[^"\\]|\\.)*)"|(\w+))(?=\s|$)')
_TOKEN = re.compile(
    r'\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<mark>\.\.\.|&&|\|\||!=|<=|>=|[=<>,])|(?P<bare>[\w.*:/+-]+))'
)
_FIELD = re.compile(r'"([^"]*)"|\[([^\]]*)\]|(\S+)')
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_ESCAPED = re.compile(r"\\(.)")
_ORDERS = {"<": lt, "<=": le, ">": gt, ">=": ge}
_ELLIPSIS = "..."


def compiled(pattern: str) -> Matches | None:
    """Return the predicate of a pattern, or None if all lines match. Raises `Refused`."""
    text = pattern.strip()
    if not text:
        return None
    for opening, closing in ("[]", "{}"):
        if text[0] == opening and text[-1] != closing:
            raise _refused(f"If a filter pattern starts with '{opening}' it must end with '{closing}'")
    if text[0] == "{":
        raise _refused("This emulator supports no filter patterns for JSON: a flow log record is never JSON.")
    if text[0] == "%":
        raise _refused("This emulator supports no regular expressions in filter patterns.")
    return _columns(text[1:-1]) if text[0] == "[" else _terms(text)


def _terms(text: str) -> Matches:
    """Return the predicate for terms: all unmarked terms and none marked `-`, or any term marked `?`."""
    by_sign: dict[str, list[str]] = {"": [], "?": [], "-": []}
    at = 0
    while at < len(text):
        found = _TERM.match(text, at)
        if found is None:
            raise _refused(f"Invalid character(s) in term '{_offending(text, at)}'")
        sign, phrase, word = found.groups()
        by_sign[sign].append(word or _ESCAPED.sub(r"\1", phrase))
        at = found.end() + len(text[found.end() :]) - len(text[found.end() :].lstrip())
    required, optional, excluded = by_sign[""], by_sign["?"], by_sign["-"]
    if not required and not excluded:
        return lambda line: any(term in line for term in optional)
    # "You can't combine the question mark with other filter patterns": it is then ignored.
    return lambda line: all(term in line for term in required) and not any(term in line for term in excluded)


def _offending(text: str, at: int) -> str:
    """Return the first character that is invalid at its place."""
    rest = re.match(r'[?-]?\s*(?:"(?:[^"\\]|\\.)*"|\w+)', text[at:])
    return text[at + rest.end()] if rest is not None else text[at]


def _columns(text: str) -> Matches | None:
    """Return the predicate for columns. The number of fields must be equal; `...` stands for any number."""
    if not text.strip():
        return None  # AWS accepts `[]` (LocalStack's recording, 2026-02-06). That all lines match is assumed.
    columns = _split(_tokens(text), ",")
    opened = [number for number, column in enumerate(columns) if column == [_ELLIPSIS]]
    if len(opened) > 1:
        raise _refused()
    is_open, least = bool(opened), len(columns) - len(opened)
    checks: list[tuple[int, Matches]] = []
    for number, column in enumerate(columns):
        if len(column) > 1:
            is_after = is_open and number > opened[0]
            checks.append((number - len(columns) if is_after else number, _condition(column)))

    def matches(line: str) -> bool:
        fields = _fields(line)
        if len(fields) < least if is_open else len(fields) != least:
            return False
        return all(check(fields[at]) for at, check in checks)

    return matches if checks or least or not is_open else None


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            raise _refused()
        tokens.append(found[0].strip())
        at = found.end()
    return tokens


def _split(tokens: Sequence[str], mark: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for token in tokens:
        if token == mark:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _condition(column: Sequence[str]) -> Matches:
    """Return the predicate of one field: comparisons with one name; `&&` binds more strongly than `||`."""
    alternatives = [_split(part, "&&") for part in _split(column, "||")]
    comparisons = [one for part in alternatives for one in part]
    if any(len(one) != 3 for one in comparisons) or len(list(groupby(comparisons, lambda one: one[0]))) > 1:
        raise _refused()  # A column has conditions on itself only (awsdocs, user guide, issue 21).
    checks = [[_comparison(operator, value) for _, operator, value in part] for part in alternatives]
    return lambda field: any(all(check(field) for check in part) for part in checks)


def _comparison(operator: str, token: str) -> Matches:
    value = _ESCAPED.sub(r"\1", token[1:-1]) if token.startswith('"') else token
    if operator in _ORDERS:
        if not _NUMBER.fullmatch(value):
            raise _refused()
        order, bound = _ORDERS[operator], float(value)
        return lambda field: _NUMBER.fullmatch(field) is not None and order(float(field), bound)
    if operator not in {"=", "!="} or token in {",", "&&", "||", _ELLIPSIS}:
        raise _refused()
    if "*" in value:
        like = re.compile(".*".join(map(re.escape, value.split("*"))), re.DOTALL).fullmatch
        return (lambda field: like(field) is not None) if operator == "=" else (lambda field: not like(field))
    return (lambda field: field == value) if operator == "=" else (lambda field: field != value)


def _fields(line: str) -> list[str]:
    """Split a line at spaces. Text between brackets or quotes is one field."""
    if '"' not in line and "[" not in line:
        return line.split()
    return [quoted or bracketed or bare for quoted, bracketed, bare in _FIELD.findall(line)]


def _refused(sentence: str = "Invalid filter pattern") -> Refused:
    return Refused("InvalidParameterException", sentence)
