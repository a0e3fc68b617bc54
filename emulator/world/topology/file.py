"""The reader of a topology file: from YAML to a `Topology`, or to all faults with their lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError
from yaml.nodes import MappingNode, Node, SequenceNode
from yaml.reader import ReaderError

from emulator.world.topology.checks import Fault, Path, faults
from emulator.world.topology.model import Topology

_PLACES_MAX = 200_000  # an estate of 2,000 interfaces has a tenth of it; a file of nested aliases has no end
_DEPTH_MAX = 12  # a topology is seven deep; an alias inside its own anchor has no end
_SHOWN = 10
_TOPOLOGY = TypeAdapter(Topology)


class _Endless(Exception):
    """The error for an alias inside its own anchor, or one that expands to too much."""


class BadTopology(Exception):
    """The error for an unusable topology file. Each line of the message is `file:line: sentence`."""


@dataclass(frozen=True, slots=True)
class _Text:
    """The name of a file, and the line of each place in it."""

    name: str
    lines: dict[Path, int]

    def said(self, faults: list[Fault]) -> str:
        """Return the message for some faults."""
        placed = sorted((self._line(fault.path), fault.sentence) for fault in faults)
        shown = [f"{self.name}:{line}: {sentence}" for line, sentence in placed[:_SHOWN]]
        if len(faults) > _SHOWN:
            shown.append(f"… and {len(faults) - _SHOWN} more.")
        return "\n".join(shown)

    def _line(self, path: Path) -> int:
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


def read(text: str, name: str) -> Topology:
    """Return the topology in a text. `name` is the file's name. Raises `BadTopology`."""
    lines: dict[Path, int] = {(): 1}
    try:
        data, twice = _loaded(text, lines)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadTopology(f"{name}:{line}: This is not YAML: {error.problem}.") from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise BadTopology(f"{name}:{line}: A character that YAML does not allow: {error.reason}.") from error
    except ValueError as error:  # as of the date 2020-99-99, which has no line
        raise BadTopology(f"{name}:1: A value cannot be read: {error}.") from error
    except (_Endless, RecursionError) as error:
        raise BadTopology(f"{name}:1: This is nested without end, or is far too long.") from error
    source = _Text(name, lines)
    if twice:
        raise BadTopology(source.said(twice))
    return _checked(data, source)


def _loaded(text: str, lines: dict[Path, int]) -> tuple[Any, list[Fault]]:
    """Return the parsed text and its duplicate keys, and fill in the lines."""
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if not isinstance(node, MappingNode):
            return None, [Fault((), "A topology is a mapping with `name` and `vpcs`.")]
        twice = list(_mark(node, (), lines))  # before anything is made of aliases without end
        return loader.construct_document(node), twice
    finally:
        loader.dispose()


def _checked(data: Any, source: _Text) -> Topology:
    try:
        topology = _TOPOLOGY.validate_python(data)
    except ValidationError as error:
        raise BadTopology(source.said(list(_invalid(error)))) from error
    found = faults(topology)
    if found:
        raise BadTopology(source.said(found))
    return topology


def _mark(node: Node, path: Path, lines: dict[Path, int]) -> Iterator[Fault]:
    """Note the line of each place under a node. Yield duplicate keys, which YAML accepts."""
    if len(lines) > _PLACES_MAX or len(path) > _DEPTH_MAX:
        raise _Endless
    if isinstance(node, MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            place = (*path, str(key.value))
            if place[-1] in seen:
                yield Fault(place, f"`{place[-1]}` is here twice.")
            seen.add(place[-1])
            lines[place] = key.start_mark.line + 1
            yield from _mark(value, place, lines)
    elif isinstance(node, SequenceNode):
        for number, item in enumerate(node.value):
            place = (*path, str(number))
            lines[place] = item.start_mark.line + 1
            yield from _mark(item, place, lines)


def _invalid(error: ValidationError) -> Iterator[Fault]:
    for one in error.errors(include_url=False):
        path = tuple(str(part) for part in one["loc"] if part != "[key]")
        names = [part for part in one["loc"] if isinstance(part, str)]
        last = names[-1] if names else ""
        if one["type"] == "too_short" and one["input"]:
            continue  # pydantic does not count what is wrong in a list, and has told that
        if one["type"] == "value_error":
            yield Fault(path, str(one["ctx"]["error"]))
        elif one["type"] == "invalid_key" or (one["type"], one["loc"][-1:]) == ("string_type", ("[key]",)):
            yield Fault(path, f"A key is {one['input']}, not text: put it in quotes.")
        else:
            yield Fault(path, _sentence(one["type"], last, one["msg"], one["input"]))


# pydantic speaks of Python: of dictionaries, tuples and arguments.
_SENTENCES = {
    "unexpected_keyword_argument": "`{last}` is not a key that is known here.",
    "missing_keyword_only_argument": "`{last}` is missing.",
    "missing_argument": "`{last}` is missing.",
    "missing": "`{last}` is missing.",
    "string_pattern_mismatch": "`{given}` is not a name that can be used here.",
    "string_type": "`{last}` should be text: put it in quotes.",
    "tuple_type": "`{last}` should be a list.",
    "dict_type": "`{last}` should have keys and values.",
    "dataclass_type": "`{last}` should have keys and values.",
    "too_short": "`{last}` is empty.",
}


def _sentence(kind: str, last: str, message: str, given: object) -> str:
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(last=last, given=given)
    shown = f"`{given}`" if isinstance(given, str | int | float | bool) else "this"
    return f"`{last}`: {shown} will not do. {message}."
