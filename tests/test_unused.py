"""The check for definitions in the three packages that no code in them uses.

A definition at the top of a module is used if another module imports it, or if its own module names it
outside the definition itself. A member of a class is used if code or a template reads an attribute of this
name. A name that only tests use is thus unused: code for tests belongs in `tests/`.

Not checked are definitions that a library calls: functions with a decorator of a library (commands,
validators), and members of classes with a base class of a library (protocols, settings).
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from tests.sources import PACKAGES, files, modules, tree

# Classes that are written as a whole, to JSON or to a topic. Their readers are outside the packages.
WRITTEN_WHOLE = {
    "emulator.firehose.streams.RecordCounts",
    "streams.records.Aggregate",
    "streams.records.Final",
    "streams.web.conversations.grouping.Answer",
    "streams.web.query.Numbers",
}

# Single definitions that are unused on purpose.
ALLOWED = {
    # The page shows them.
    "connectors.inventory.directory.Owner.asn",
    "connectors.inventory.directory.Owner.country",
    "connectors.vpc.diagnosis.pairs.all_pairs",  # The page of reachability will use it.
    "connectors.kafka.clients.access._Operations.API_KEY",  # aiokafka reads it.
    "connectors.kafka.clients.access._Operations.build",  # aiokafka calls it.
    "emulator.kafka.security.acls.forbid",  # The tests' Kafka loses ACLs.
    "emulator.kafka.security.listeners.SecuredListener.SSL",  # Made by its value, as the command line has it.
    "emulator.kafka.node.Node.restart",  # The node is also the tests' Kafka, which they stop and restart.
    "emulator.server.emulator",  # The entry for tests that need an emulator in their own process.
    "emulator.world.topology.model.Database.engine",  # A field of topology files that describes a database.
}

# Decorators that do not register a function anywhere.
PASSIVE = re.compile(
    r"(functools\.)?(cache|cached_property|lru_cache|wraps|total_ordering)\b|(numba\.)?njit\b|dataclass\b"
    r"|(property|staticmethod|classmethod|override|overload|abstractmethod|runtime_checkable)$"
    r"|(contextlib\.)?(async)?contextmanager$"
)
PLAIN_BASES = frozenset(
    {
        "Enum",
        "Exception",
        "Generic",
        "IntEnum",
        "NamedTuple",
        "Protocol",
        "StrEnum",
        "TypedDict",
        "ValueError",
    }
)

Functions = ast.FunctionDef | ast.AsyncFunctionDef
Trees = Mapping[str, ast.Module]


def test_every_definition_and_member_is_used() -> None:
    trees = {module: tree(module) for module in modules()}
    templates = [path.read_text() for package in PACKAGES for path in files(package, ".html")]
    read = {name for text in templates for name in re.findall(r"\.(\w+)", text)}
    found = {*unused_definitions(trees), *unused_members(trees, read)}
    left = {name for name in found - ALLOWED if name.rpartition(".")[0] not in WRITTEN_WHOLE}
    assert not left, "no code uses them: delete them, or move them to the tests"


def test_the_check_sees_unused_definitions() -> None:
    """The checker is judged too: a test that can only pass proves nothing."""
    code = """
import click
from enum import Enum
LIMIT, OTHER = 1, 2
def recursive(): return recursive()
def used(): return LIMIT
@click.command
def command(): used()
class Shape:
    size: int
    def area(self): return self.size
    def unread(self): self.name = self.unread()
class Protocol_(click.Group):
    def called_by_a_library(self): pass
"""
    trees = {"a": ast.parse(code), "b": ast.parse("from a import Shape\nimport a\nShape.area\na.Protocol_")}
    assert set(unused_definitions(trees)) == {"a.OTHER", "a.recursive"}
    assert set(unused_members(trees, set())) == {"a.Shape.unread", "a.Shape.name"}
    assert set(unused_members(trees, {"unread"})) == {"a.Shape.name"}


def unused_definitions(trees: Trees) -> Iterator[str]:
    """Yield the definitions at the top of modules that no code uses."""
    used = {(module, name) for module, code in trees.items() for module, name in _named(module, code, trees)}
    for module, code in trees.items():
        for statement in code.body:
            if not _is_registered(statement):
                yield from (f"{module}.{n}" for n in _defined(statement) if (module, n) not in used)


def unused_members(trees: Trees, read_elsewhere: set[str]) -> Iterator[str]:
    """Yield the methods, fields and attributes that no code reads."""
    reads: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for module, code in trees.items():
        for name, line in _attributes_read(code):
            reads[name].append((module, line))
    classes = [
        (m, node) for m, code in trees.items() for node in ast.walk(code) if isinstance(node, ast.ClassDef)
    ]
    names = {owner.name for _, owner in classes} | PLAIN_BASES
    for module, owner in classes:
        if all(ast.unparse(base).partition("[")[0] in names for base in owner.bases):
            for name, node in _members(owner).items():
                end = (node.end_lineno or node.lineno) if isinstance(node, Functions) else 0
                own = {(module, line) for line in range(node.lineno, end + 1)}
                if not (set(reads[name]) - own or name in read_elsewhere or _is_registered(node)):
                    yield f"{module}.{owner.name}.{name}"


def _named(module: str, code: ast.Module, trees: Trees) -> Iterator[tuple[str, str]]:
    """Yield the definitions that a module uses, of its own and of others, as (module, name)."""
    modules_by_alias: dict[str, str] = {}
    for node in ast.walk(code):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield node.module, alias.name
                if f"{node.module}.{alias.name}" in trees:
                    modules_by_alias[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            modules_by_alias |= {alias.asname or alias.name: alias.name for alias in node.names}
    for statement in code.body:
        own = _defined(statement)
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in own:
                yield module, node.id
            elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in modules_by_alias:
                yield modules_by_alias[ast.unparse(node.value)], node.attr
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):  # A quoted annotation.
                yield from ((module, word) for word in re.findall(r"\w+", node.value) if word[:1].isupper())


def _defined(statement: ast.stmt) -> set[str]:
    """Return the names that a statement at the top of a module defines."""
    if isinstance(statement, ast.ClassDef | Functions):
        return {statement.name}
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
    found = {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}
    return {name for name in found if not name.startswith("__")}


def _members(owner: ast.ClassDef) -> dict[str, ast.AST]:
    """Return the methods, the fields and the attributes of `self` that a class defines."""
    found: dict[str, ast.AST] = {}
    for statement in owner.body:
        for name in _defined(statement):
            found[name] = statement
    for node in ast.walk(owner):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and ast.unparse(node.value) == "self"
        ):
            found.setdefault(node.attr, node)
    return {name: node for name, node in found.items() if not name.startswith("__")}


def _attributes_read(code: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(code):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno
        elif isinstance(node, ast.MatchClass):
            yield from ((name, node.lineno) for name in node.kwd_attrs)


def _is_registered(node: ast.AST) -> bool:
    """Return True for a function with a decorator that may register it with a library."""
    if not isinstance(node, Functions):
        return False
    return any(not PASSIVE.match(ast.unparse(decorator)) for decorator in node.decorator_list)
