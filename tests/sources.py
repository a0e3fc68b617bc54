"""The source files of the three packages and of the tests, for the checks that read code with `ast`."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("connectors", "streams", "emulator")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@cache
def modules() -> dict[str, Path]:
    """Return every module of the three packages: dotted name → file."""
    found = {}
    for package in PACKAGES:
        for path in files(package):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


@cache
def tree(module: str) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(modules()[module].read_text(), module)


def files(folder: str, suffix: str = ".py") -> list[Path]:
    """Return the files with a suffix in a folder of the repository, without installed ones."""
    return [path for path in sorted((ROOT / folder).rglob(f"*{suffix}")) if "node_modules" not in path.parts]


def docstrings(code: ast.Module) -> Iterator[tuple[Documented, str]]:
    """Yield the documented nodes of a module with their docstrings."""
    for node in ast.walk(code):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            yield node, text


def comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield the comments in a source text with their line numbers."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# ")
