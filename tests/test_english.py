"""The check for plain English in the docstrings and comments of the three packages.

The rules are in the house style: a function's docstring starts with an imperative verb, that of a class or a
module with a noun phrase. The lists below have the openings and phrases that broke these rules most often.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.sources import PACKAGES, ROOT, Documented, comments, docstrings, files

# The first words that begin a question or a clause, and not a sentence or a noun phrase.
OPENINGS = re.compile("Have|How|Let|Say|What|When|Where|Whether|Which|Who|Whom|Whose|Why")

# Verbs in the third person. `Returns` and `Plays` begin no imperative sentence and no noun phrase.
THIRD_PERSON = re.compile(
    "Accepts|Adds|Answers|Asks|Begins|Brings|Builds|Carries|Checks|Closes|Collects|Converts|Creates|Decides"
    "|Delivers|Does|Drops|Ends|Fills|Finds|Gathers|Gets|Gives|Goes|Handles|Hands|Has|Holds|Is|Keeps|Knows"
    "|Learns|Lets|Looks|Makes|Merges|Opens|Plays|Polls|Posts|Puts|Raises|Reads|Receives|Refuses|Remembers"
    "|Returns|Runs|Says|Sends|Serves|Shows|Starts|Stops|Takes|Tells|Tries|Turns|Waits|Watches|Writes|Yields"
)
NOT_THIRD_PERSON = re.compile("Address|Bypass|Compress|Pass|Process|Suppress")

# Idioms that do not translate into code.
PHRASES = re.compile(
    r"""
    \b(
        nobody | somebody | anybody | everybody | no\ one
      | (is|are|was|were|been|be)\ (told|said)
      | (one|those|reader|readers|client|clients|anyone)\ who | who\ (is|are|has|have|was|wants)
      | what\ (is|was|are|were|it|they)\ (said|told|says|say|tells|tell|asked)
      | says?\ (so|no\ more)
      | of\ (ours|one's\ own) | one's\ own
      | comes?\ again | lets?\ go | (is|are)\ no\ more
      | can(not)?\ be\ had | (is|are)\ owed
    )\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
LOG_CALLS = {f"log.{level}" for level in ("debug", "info", "warning", "error", "critical", "exception")}
EVENT = re.compile(r"([a-z][\w'-]*|[A-Z]{2}\w*)[^={}]*[^.!={}]")
QUOTED = re.compile(r'"[^"]*"|“[^”]*”|`[^`]*`')


def test_docstrings_and_comments_are_plain() -> None:
    found = [
        f"{path.relative_to(ROOT).as_posix()}:{fault}"
        for package in PACKAGES
        for path in files(package)
        for fault in faults(path.read_text())
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("docstring", "fault"),
    [
        ("Return the next offset.", None),
        ("Whether the shard is closed.", "Whether"),
        ("Returns the next offset.", "Returns"),
        ("Process the records.", None),
        ("Return the client of somebody.", "somebody"),
        ("Return the message `what is told`.", None),
        ("Return what is left.", None),
        ("Return what is said of a shard.", "is said"),
    ],
)
def test_the_check_sees_faults_of_functions(docstring: str, fault: str | None) -> None:
    """The checker is judged too: a test that can only pass proves nothing."""
    found = list(faults(f'def f() -> None:\n    """{docstring}"""'))
    assert len(found) == (fault is not None)
    assert fault is None or fault in found[0]


def test_the_check_sees_faults_of_classes_and_comments() -> None:
    assert len(list(faults('class A:\n    """Plays the world."""'))) == 1
    assert len(list(faults("# The server says so.\nx = 1  # nobody reads it"))) == 2
    assert not list(faults('class A:\n    """A player of the world."""\n    # The server logs it.'))


def faults(text: str) -> Iterator[str]:
    """Yield the faults in the docstrings and comments of a source text."""
    for node, docstring in docstrings(ast.parse(text)):
        line = getattr(node, "lineno", 1)
        if fault := _opening(node, docstring) or _phrase(docstring):
            yield f"{line}: {fault!r} in {docstring.splitlines()[0]!r}"
    for line, comment in comments(text):
        if fault := _phrase(comment):
            yield f"{line}: {fault!r} in the comment {comment!r}"


def _opening(node: Documented, docstring: str) -> str:
    first = docstring.split(maxsplit=1)[0].strip("`.,:;")
    if OPENINGS.fullmatch(first) or THIRD_PERSON.fullmatch(first):
        return first
    is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    if is_function and not node.decorator_list and re.fullmatch(r"[A-Z][a-z]+[^s]s", first):
        return "" if NOT_THIRD_PERSON.fullmatch(first) else first
    return ""


def _phrase(text: str) -> str:
    found = PHRASES.search(QUOTED.sub("", text))
    return found[0] if found else ""


def test_log_events_are_lower_case_phrases() -> None:
    """The values belong in fields: an event has no equals sign, no braces and no full stop."""
    found = [
        f"{path.relative_to(ROOT).as_posix()}:{line}: {event!r}"
        for package in PACKAGES
        for path in files(package)
        for line, event in _events(ast.parse(path.read_text()))
        if not EVENT.fullmatch(event)
    ]
    assert not found, "\n".join(found)


def _events(code: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(code):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in LOG_CALLS and node.args:
            event = node.args[0]
            yield node.lineno, str(event.value) if isinstance(event, ast.Constant) else ast.unparse(event)
