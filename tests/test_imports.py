"""Arrows point one way, pure modules stay pure, no file grows out of hand: read from the source with `ast`.

A pure module may import pure modules of ours and the libraries in `COMPUTING`, which compute and touch
nothing. So a new library in a pure module is a decision, made in this file, and so is a new edge in a package
that is pure as a whole. Imports inside functions and under `TYPE_CHECKING` count like all others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from tests.sources import PACKAGES, ROOT, modules, tree

FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 40
LONG_FUNCTIONS: set[str] = set()

# The composition root, and what plays or judges a whole run on one machine.
MAY_IMPORT_EMULATOR = {
    "streams.commands.emulate",
    "streams.commands.kafka",
    "streams.commands.replay",
    "streams.commands.world",
    "streams.replay.run",
    "streams.replay.load",
    "streams.replay.options",
    "streams.replay.stage",
    "streams.replay.world",
    "streams.replay.report",
    "streams.replay.observer",
    "streams.replay.secured",
}
# AWS's own formats, which the emulator must write as the connectors read them, and the network model.
EMULATOR_MAY_IMPORT = ("connectors.formats.", "connectors.vpc.")

# Modules that create aiokafka's clients. The emulator's Kafka has a listener of its own for administration,
# without security, and the emulator imports no connectors.
KAFKA_FACTORY = "connectors.kafka.clients.factory"
OWN_KAFKA = "emulator.kafka."
KAFKA_CLIENTS = {
    "AIOKafkaAdminClient",
    "AIOKafkaClient",
    "AIOKafkaConnection",
    "AIOKafkaConsumer",
    "AIOKafkaProducer",
    "create_conn",
}

MODULES_MAX = 15
ONE_FILE_FOR_EACH_CALL = {
    "emulator/kinesis/operations",
    "streams/commands",
    "tests/emulator/kinesis/operations",
}

# The folders that a folder may import, beside modules at the top of a package (`connectors.settings`).
MAY_IMPORT = {
    "connectors.formats": "",
    "connectors.vpc": "",
    "connectors.aws": "connectors.formats",
    "connectors.kafka": "connectors.formats",
    "connectors.commit": "connectors.formats connectors.kafka",
    "connectors.kinesis": "connectors.aws connectors.commit connectors.formats connectors.kafka",
    "connectors.firehose": "connectors.aws connectors.commit connectors.formats connectors.kafka",
    "connectors.s3": "connectors.aws connectors.commit connectors.formats connectors.kafka",
    "connectors.inventory": "connectors.aws connectors.kafka connectors.vpc",
    "connectors.positions": "connectors.firehose connectors.kafka connectors.kinesis",
    "streams.sums": "connectors.formats",
    "streams.alerts": "connectors.kafka",
    "streams.conversations": "streams.sums",
    "streams.windows": "streams.alerts streams.conversations streams.sums",
    "streams.archive": "connectors.aws connectors.inventory connectors.kafka streams.conversations",
    "streams.worker": "connectors.formats connectors.kafka streams.alerts streams.sums streams.windows",
    "streams.web": "connectors.inventory connectors.kafka streams.conversations",
    "streams.topics": "connectors.firehose connectors.inventory connectors.kafka streams.conversations",
    "streams.replay": (
        "connectors.formats connectors.kafka emulator.kafka emulator.ledger emulator.load emulator.world"
        " streams.conversations"
    ),
    "streams.commands": (
        "connectors.aws connectors.firehose connectors.formats connectors.inventory connectors.kafka"
        " connectors.kinesis connectors.positions connectors.s3 connectors.vpc emulator.faults"
        " emulator.kafka emulator.kinesis emulator.world streams.alerts streams.archive streams.replay"
        " streams.schemas streams.topics streams.web"
        " streams.worker"
    ),
    "emulator.http": "",
    "emulator.kafka": "",
    "emulator.faults": "",
    "emulator.kinesis": "emulator.faults emulator.http",
    "emulator.firehose": "emulator.http emulator.kinesis",
    "emulator.moto": "emulator.http",
    "emulator.ledger": "connectors.formats",
    "emulator.load": ("connectors.formats connectors.vpc emulator.flowlogs emulator.ledger emulator.world"),
    "emulator.world": "connectors.vpc emulator.ledger",
    "emulator.flowlogs": (
        "connectors.formats connectors.vpc emulator.firehose emulator.http emulator.kinesis emulator.ledger"
        " emulator.moto emulator.world"
    ),
}


def named(package: str, names: str) -> set[str]:
    """Return the full names of some modules of a package."""
    return {f"{package}.{name}" for name in names.split()}


# Pure as a whole, but for their edges: a new module there is pure unless it is named here.
PURE_PACKAGES = (
    "connectors.vpc",
    "emulator.firehose",
    "emulator.flowlogs",
    "emulator.kinesis",
    "emulator.world",
    "emulator.ledger",
    "emulator.load",
    "streams.alerts",
    "streams.conversations",
    "streams.web.state",
)
EDGES = {
    *named("connectors.vpc.diagnosis.account", "reading services"),
    *named("connectors.vpc.ec2", "reading"),
    *named("emulator.firehose", "delivery service"),
    *named("emulator.firehose.destinations", "endpoint"),
    *named("emulator.flowlogs.access", "permissions roles"),
    *named("emulator.flowlogs.api", "calls"),
    *named("emulator.flowlogs.player", "child link port run scope_simulation simulator"),
    *named("emulator.flowlogs.player.delivery", "destinations publisher"),
    *named("emulator.flowlogs", "boto_errors service"),
    *named("emulator.flowlogs.subscriptions", "delivery service"),
    *named("emulator.flowlogs.web", "page pages"),
    *named("emulator.kinesis.http", "endpoint"),
    *named("emulator.kinesis.persistence", "durable folder journal"),
    *named("emulator.load", "feed file file_order"),
    *named("emulator.world.builder", "building calls found interfaces local_client provisioning"),
    *named("emulator.world", "remote running"),
    *named("emulator.world.topology", "presets"),
    *named("streams.alerts", "notify sinks"),
}
# Elsewhere a module is an edge unless it is named here.
PURE = {
    *named("connectors", "archive_settings errors event_time inventory_settings kafka_settings progress"),
    *named("connectors", "setting_values"),
    *named("connectors.commit", "content"),
    *named("connectors.firehose", "body committed_requests headers transaction"),
    *named("connectors.formats", "by_log_group encodings envelope flowlog headers json_records json_rows"),
    *named("connectors.formats", "kpl texts"),
    *named("connectors.inventory", "blocks call directory network_rows publishing rows"),
    *named("connectors.inventory.reading", "owners permissions prefixes sources versions"),
    *named("connectors.kafka", "blocks dead health_messages messages partitioner probe"),
    *named("connectors.kafka", "topic_settings"),
    *named("connectors.kafka.clients", "connection"),
    *named("connectors.kinesis", "answers polling positions progress stream_choice transaction"),
    *named("connectors.positions", "rows"),
    *named("connectors.s3.discovery", "exports found ignored notifications"),
    *named("connectors.s3", "keys parquet_rows text transaction"),
    *named("connectors.s3.progress", "exports listing queue slot"),
    *named("emulator.faults", "rules"),
    *named("emulator.http", "messages"),
    *named("emulator.kafka", "properties storage"),
    *named("emulator.kafka.security", "listeners"),
    *named("emulator.moto", "requests"),
    *named("emulator", "router scope"),
    *named("streams.archive", "batch compaction finals history ledger names rollups tables"),
    *named("streams.archive.query", "chosen matrix views"),
    *named("streams.commands.checks", "plan"),
    *named("streams", "compiled layout numbering records"),
    *named("streams.sums", "accumulator addition columns conversations entities fields kernel lines parsing"),
    *named("streams.sums", "partials service_port tables words"),
    *named("streams.topics.growth", "moves"),
    *named("streams.topics", "collecting columns decoding moments naming"),
    *named("streams.web", "hosts query stats"),
    *named("streams.web.conversations", "grouping labels selection"),
    *named(
        "streams.windows",
        "aggregate_encoding flushed fold maps merge names partial position render replay state watermark",
    ),
    *named("streams.windows", "window_table"),
}

COMPUTING = """
__future__ abc array binascii bisect builtins collections contextlib csv dataclasses datetime enum fnmatch
functools hashlib heapq io ipaddress itertools json math operator pathlib random re string struct sys types
typing urllib.parse xml zlib zoneinfo
cbor2 datasketches isal llvmlite numba numpy orjson polars pybase64 pydantic yaml
"""
# pathlib is for paths as values: to open one is an impure method below. random is for generators with a seed,
# and sys for its numbers: what else it has is below.
PURE_LIBRARIES = set(COMPUTING.split())

# What a pure module must not use of the libraries above, nor of the builtins.
IMPURE_NAMES = {"open", "print", "input", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
IMPURE_NAMES |= {f"sys.{name}" for name in ("argv", "exit", "modules", "path", "stderr", "stdin", "stdout")}
IMPURE_METHODS = {"cwd", "home", "exists", "iterdir", "mkdir", "read_bytes", "read_text", "rglob", "stat"}
IMPURE_METHODS |= {"unlink", "write_bytes", "write_text", "read_csv", "scan_csv", "read_parquet"}
SEEDED = {"default_rng", "Generator", "PCG64", "Philox", "SeedSequence", "Random"}  # given a seed
MAKERS = {"default_rng", "Random"}  # which take one from the system when they are given none


@cache
def imports(module: str) -> frozenset[str]:
    """Return what a module imports: modules of ours by their full name, others as written."""
    found: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: a relative import; write the full name"
            assert node.module is not None
            found |= {_meant(node.module, alias.name) for alias in node.names}
    return frozenset(found)


def _meant(module: str, name: str) -> str:
    """Say whether `from module import name` means a module of ours, or something inside one."""
    return f"{module}.{name}" if f"{module}.{name}" in modules() else module


def ours(module: str) -> set[str]:
    """Return the imports of a module that are of our packages."""
    return {name for name in imports(module) if name.split(".")[0] in PACKAGES}


def in_package(package: str) -> list[str]:
    """Return the modules of a package, itself included."""
    return [name for name in modules() if name.split(".")[0] == package]


def is_pure(module: str) -> bool:
    """Whether a module must be pure; every `__init__` must, for it runs whenever a neighbour is imported."""
    in_pure_package = any(module.startswith(f"{package}.") for package in PURE_PACKAGES)
    listed = module in PURE or (in_pure_package and module not in EDGES)
    return listed or modules()[module].name == "__init__.py"


def test_every_import_of_ours_exists() -> None:
    missing = {(m, name) for m in modules() for name in ours(m) if name not in modules()}
    assert not missing


def test_connectors_import_none_of_us() -> None:
    assert not {
        (m, name) for m in in_package("connectors") for name in ours(m) if not name.startswith("connectors")
    }


def test_the_emulator_imports_only_the_formats_of_aws_and_the_network_model() -> None:
    assert not {
        (m, name)
        for m in in_package("emulator")
        for name in ours(m)
        if not name.startswith(("emulator", *EMULATOR_MAY_IMPORT))
    }


def test_only_the_command_line_and_the_replay_import_the_emulator() -> None:
    found = {m for m in in_package("streams") for name in ours(m) if name.split(".")[0] == "emulator"}
    assert found <= MAY_IMPORT_EMULATOR


def test_nothing_imports_the_command_line() -> None:
    assert not {m for m in modules() if "streams.cli" in imports(m)}


def test_the_lists_name_modules() -> None:
    assert set(modules()) >= PURE | EDGES
    assert all(edge.startswith(PURE_PACKAGES) for edge in EDGES)
    assert not any(module.startswith(PURE_PACKAGES) for module in PURE)


def test_the_edges_of_pure_packages_act() -> None:
    """An edge that acts no more is pure, and is to be held to it."""
    assert not {m for m in EDGES if not (_edges(m) or _acting(m) or list(_impure_uses(tree(m))))}


def test_pure_modules_import_no_edges() -> None:
    """What a pure module needs of an edge moves into a pure module."""
    assert not {m: edges for m in pure() if (edges := _edges(m))}


def test_pure_modules_import_only_libraries_that_compute() -> None:
    assert not {m: acting for m in pure() if (acting := _acting(m))}


def test_pure_modules_read_no_clock_no_file_and_no_global_chance() -> None:
    assert not {m: uses for m in pure() if (uses := sorted(_impure_uses(tree(m))))}


def pure() -> list[str]:
    """Return the modules that must be pure."""
    return [module for module in modules() if is_pure(module)]


def _edges(module: str) -> set[str]:
    return {name for name in ours(module) if not is_pure(name)}


def _acting(module: str) -> set[str]:
    others = imports(module) - ours(module)
    return {n for n in others if n not in PURE_LIBRARIES and n.split(".")[0] not in PURE_LIBRARIES}


def _impure_uses(code: ast.Module) -> Iterator[str]:
    own = {
        alias.name
        for node in ast.walk(code)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if f"{node.module}.{alias.name}" in modules()
    }
    for node in ast.walk(code):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name.rpartition(".")[2] in MAKERS and not (node.args or node.keywords):
                yield f"line {node.lineno}: {name}() without a seed"
        elif isinstance(node, ast.ImportFrom) and node.module == "random":
            yield from (f"line {node.lineno}: random.{n.name}" for n in node.names if n.name not in SEEDED)
        elif isinstance(node, ast.Attribute | ast.Name):
            name = ast.unparse(node)
            if name.partition(".")[0] in own:
                continue  # a module of ours is judged by itself
            last = name.rpartition(".")[2]
            chances = (f"random.{last}", f"np.random.{last}", f"numpy.random.{last}")
            is_chance = name in chances and last not in SEEDED
            if is_chance or ".".join(name.split(".")[-2:]) in IMPURE_NAMES or last in IMPURE_METHODS:
                yield f"line {node.lineno}: {name}"


def test_the_check_for_impure_uses_sees_them() -> None:
    """The checker is judged too: a test that can only pass proves nothing."""
    acts = [
        "datetime.now(UTC)",
        "open('a')",
        "np.random.rand()",
        "np.random.default_rng()",
        "path.read_text()",
        "random.random()",
        "random.Random()",
        "from random import randint",
    ]
    assert [len(list(_impure_uses(ast.parse(code)))) for code in acts] == [1] * len(acts)
    good = "np.random.default_rng(7).random()\nrandom.Random(7).random()\ndatetime.fromtimestamp(1, UTC)"
    assert not list(_impure_uses(ast.parse(good)))


def folder_of(module: str) -> str:
    """Return the package that a module lies in; a package lies in itself."""
    is_package = modules()[module].name == "__init__.py"
    return module if is_package else module.rpartition(".")[0]


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the names of a graph that lead back to themselves, each with one way."""
    found, done = [], set[str]()
    for start in graph:
        ways, seen = [[start]], set[str]()
        while ways:
            way = ways.pop()
            for name in graph.get(way[-1], set()) - seen - done:
                if name == start:
                    found.append([*way, start])
                    ways.clear()
                    break
                seen.add(name)
                ways.append([*way, name])
        done.add(start)
    return found


def test_no_folder_holds_more_modules_than_a_page_lists() -> None:
    counts: dict[str, int] = {}
    for package in (*PACKAGES, "tests"):
        for path in (ROOT / package).rglob("*.py"):
            if "node_modules" not in path.parts and path.name != "__init__.py":
                folder = str(path.parent.relative_to(ROOT))
                counts[folder] = counts.get(folder, 0) + 1
    many = {folder: count for folder, count in counts.items() if count > MODULES_MAX}
    assert not {folder: many[folder] for folder in many.keys() - ONE_FILE_FOR_EACH_CALL}


def test_one_factory_creates_all_kafka_clients() -> None:
    """A client that is created elsewhere would have no TLS and no authentication."""
    makers = {m for m in modules() if not m.startswith(OWN_KAFKA) and any(_kafka_clients(tree(m)))}
    assert makers == {KAFKA_FACTORY}


def _kafka_clients(code: ast.Module) -> Iterator[str]:
    """Return the clients of aiokafka that a module creates; it may name them in annotations."""
    for node in ast.walk(code):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in KAFKA_CLIENTS:
                yield name


def test_the_check_for_kafka_clients_sees_them() -> None:
    code = "a: AIOKafkaConsumer = aiokafka.AIOKafkaConsumer()\nb = AIOKafkaProducer(x=1)\nc = AIOKafkaClient"
    assert list(_kafka_clients(ast.parse(code))) == ["AIOKafkaConsumer", "AIOKafkaProducer"]


def test_no_imports_form_a_cycle() -> None:
    assert not cycles({module: ours(module) for module in modules()})


def test_the_parts_of_a_folder_import_each_other_in_one_direction() -> None:
    """The parts of a folder are its modules and its folders; each of the latter counts as a whole."""
    for folder in {folder_of(module) for module in modules()}:
        graph: dict[str, set[str]] = {}
        for module in modules():
            for name in ours(module):
                parts = _part(folder, module), _part(folder, name)
                if None not in parts and parts[0] != parts[1]:
                    graph.setdefault(str(parts[0]), set()).add(str(parts[1]))
        assert not cycles(graph), folder


def _part(folder: str, module: str) -> str | None:
    inside = module.removeprefix(f"{folder}.")
    return None if inside == module else inside.partition(".")[0]


def test_the_check_for_cycles_sees_them() -> None:
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c", "b"]]
    assert not cycles({"a": {"b", "c"}, "b": {"c"}})


def test_folders_import_the_folders_that_they_may() -> None:
    wrong = {
        (module, name)
        for module in modules()
        for name in ours(module)
        if (here := _top_folder(module)) and (there := _top_folder(name)) and here != there
        if there not in MAY_IMPORT[here].split()
    }
    assert not wrong


def _top_folder(module: str) -> str:
    """Return the folder of a package that a module lies in; nothing for modules at the top of a package."""
    return ".".join(folder.split(".")[:2]) if "." in (folder := folder_of(module)) else ""


def test_packages_describe_their_modules() -> None:
    """A reader of a folder begins at the docstring of its `__init__.py`."""
    missing = set()
    for module in modules():
        folder, _, name = module.rpartition(".")
        if not folder or name == "__main__" or folder.replace(".", "/") in ONE_FILE_FOR_EACH_CALL:
            continue
        assert folder in modules(), f"{folder} has no __init__.py"
        if f"`{name}`" not in (ast.get_docstring(tree(folder)) or ""):
            missing.add(module)
    assert not missing


def test_modules_say_what_they_are() -> None:
    assert not {m for m in modules() if not ast.get_docstring(tree(m))}, "they have no docstring"


def test_no_file_is_longer_than_a_reader_bears() -> None:
    sources = [*modules().values(), *sorted((ROOT / "streams/web/ui/src").glob("*.*"))]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources}
    assert not {name: lines for name, lines in lengths.items() if lines > FILE_LINES_MAX}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        name: lines
        for m in modules()
        for name, lines in _functions(tree(m), m)
        if lines > FUNCTION_LINES_MAX and name not in LONG_FUNCTIONS
    }
    assert not long


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, int]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}.{child.name}"
            if not isinstance(child, ast.ClassDef):
                yield name, (child.end_lineno or child.lineno) - child.lineno + 1
            yield from _functions(child, name)
        else:
            yield from _functions(child, prefix)
