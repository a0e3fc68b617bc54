"""The check for dead references in docstrings and comments: a name in backticks must exist in the code.

A name exists if the code of the packages defines, imports or uses it, or has it in a string. Names of other
systems are in `ELSEWHERE`. Citations of pages and of whole documents are checked by their own test.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.sources import PACKAGES, ROOT, comments, files

# Names of AWS, Kafka, Python and other systems that the code itself does not contain.
ELSEWHERE = re.compile(
    r"(Create|Delete|Describe|Get|List|Put|Update)[A-Z]\w+"  # API calls
    r"|AggregatorUtil|deaggregate|DeliverLogsErrorMessage|IpPermission|maxReceiveCount|retrier|cc"
    r"|MinimumThroughputBillingCommitmentInput|SdkCborGenerator|writeValue|apiVersion|targetPrefix"
    r"|test_\w+|PR_SET_PDEATHSIG|SQLITE_TMPDIR|Downloader|download|Uuid|randomUuid|get_eni_resource_type"
    r"|get_transit_gateway_route_table_associations|parseVPC|VPCFLOW_SERVE_SERVICE_HOST|processing_guarantee|nan|vpn"
    r"|AclOperation|AclPermissionType|PatternType|DefaultSslEngineFactory|invalid_client|java|util|Properties"
)

TICKED = re.compile(r"`([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?:\([^`\n]*\))?`")
SUFFIXES = frozenset({"css", "env", "gz", "html", "js", "json", "md", "pem", "py", "toml", "yaml"})


def test_names_in_docstrings_and_comments_exist() -> None:
    sources = {path: path.read_text() for package in PACKAGES for path in files(package)}
    known = {part for path in sources for part in path.relative_to(ROOT).with_suffix("").parts}
    for text in sources.values():
        known |= names(ast.parse(text))
    found = [
        f"{path.relative_to(ROOT).as_posix()}: {name}"
        for path, text in sources.items()
        for name in dead(text, known)
    ]
    assert not found, "\n".join(found)


def test_the_check_sees_dead_names() -> None:
    text = '''"""Reads `shards.MOST`, `gone.MOST` and `MOST_GONE` (`Describe`, `reader.py`, `gone.py`)."""
LIMIT = 1  # As `limit`, `LIMIT` and `DescribeStream`.
"""As `shards`."""
'''
    assert set(dead(text, {"shards", "MOST", "Describe", "reader", "LIMIT"})) == {
        "gone.MOST",
        "MOST_GONE",
        "gone.py",
        "limit",
    }


def names(code: ast.Module) -> set[str]:
    """Return the names and the words of strings in a module's code, without docstrings."""
    found: set[str] = set()
    texts = {id(node) for node in _texts(code)}
    for node in ast.walk(code):
        match node:
            case (
                ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name))
            ):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.ImportFrom(module=str(name)):
                found |= set(name.split("."))
            case ast.alias(name=name, asname=other):
                found |= {*name.split("."), other or ""}
            case ast.Constant(value=str(value)) if id(node) not in texts:
                found |= set(re.findall(r"\w+", value))
            case ast.Constant(value=bytes(value)):
                found |= set(re.findall(r"\w+", value.decode("latin-1")))
    return found


def dead(text: str, known: set[str]) -> Iterator[str]:
    """Yield the names in backticks in docstrings and comments of a source text that are not known."""
    prose = [str(node.value) for node in _texts(ast.parse(text))] + [comment for _, comment in comments(text)]
    for name in {name for part in prose for name in TICKED.findall(part) if not name.endswith(".md")}:
        parts = name.split(".")
        parts = parts[:-1] if parts[-1] in SUFFIXES and len(parts) > 1 else parts
        if not all(_exists(part, known) for part in parts):
            yield name


def _exists(name: str, known: set[str]) -> bool:
    """Return True for a known name, the variable of a known setting, and a prefix of names (`peak_`)."""
    is_setting = name.startswith("VPCFLOW_") and name.removeprefix("VPCFLOW_").lower() in known
    return name in known or is_setting or name.endswith("_") or bool(ELSEWHERE.fullmatch(name))


def _texts(code: ast.Module) -> Iterator[ast.Constant]:
    """Yield the docstrings, also those below constants and fields."""
    for node in ast.walk(code):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.value
