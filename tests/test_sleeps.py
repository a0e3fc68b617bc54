"""The check that no test waits for a fixed time: it moves a clock, or it polls with a deadline.

A sleep in a loop paces a poll or a load; `sleep(0)` lets other tasks run. All other sleeps are listed, with
the reason why nothing else can stand for the time that passes. Benchmarks are not tests.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.sources import ROOT, files

SLEEPS = frozenset({"asyncio.sleep", "sleep", "time.sleep"})

# Function → the reason for its sleep.
ALLOWED = {
    "tests/acceptance/brokers/kills.py::_kill_brokers": "the times of the kills are the case",
    "tests/acceptance/brokers/kills.py::_play": "no event marks the absence of late duplicates",
    "tests/acceptance/chaos.py::_settle": "no event marks the absence of late duplicates",
    "tests/acceptance/faults.py::_settle": "no event marks the absence of late duplicates",
    "tests/acceptance/faults.py::_keep_up": "the pause of the polls that call it",
    "tests/acceptance/outages/outage.py::stuck": "the length of the fault is the case",
    "tests/connectors/kinesis/test_faults.py::slowly": "the slow commit is the fault",
    "tests/emulator/crowd.py::_read_once": "the pause of the reader that calls it",
}


def test_no_test_waits_for_a_fixed_time() -> None:
    found = {
        f"{path.relative_to(ROOT).as_posix()}::{name}"
        for path in files("tests")
        if "bench" not in path.parts
        for name in fixed_waits(ast.parse(path.read_text()))
    }
    assert found <= ALLOWED.keys(), "poll with a deadline, or move a clock"
    assert found == ALLOWED.keys(), "the list names functions that do not sleep any more"


def test_the_check_sees_fixed_waits() -> None:
    code = """
def waits(): time.sleep(1)
def polls():
    while not done():
        time.sleep(0.1)
async def yields(): await asyncio.sleep(0)
async def loops():
    for _ in range(3):
        async def waits_within(): await asyncio.sleep(seconds)
"""
    assert list(fixed_waits(ast.parse(code))) == ["waits", "waits_within"]


def fixed_waits(code: ast.Module) -> Iterator[str]:
    """Yield the functions that sleep outside a loop of their own."""
    yield from _waits(code, "", in_loop=False)


def _waits(node: ast.AST, name: str, *, in_loop: bool) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _waits(child, child.name, in_loop=False)
            continue
        is_sleep = isinstance(child, ast.Call) and ast.unparse(child.func) in SLEEPS
        if is_sleep and not in_loop and not ast.unparse(child).endswith("(0)"):
            yield name
        is_loop = isinstance(child, ast.While | ast.For | ast.AsyncFor)
        yield from _waits(child, name, in_loop=in_loop or is_loop)
