"""`compose.yaml` agrees with the command line and the settings, and publishes ports on loopback only.

A schema of the keys in use finds a misspelt key on every machine. `test_compose_loader` asks compose's own
loader where Go is installed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import yaml

from connectors.kafka.slots import REQUEST_MAX_BYTES
from connectors.settings import check_names
from streams.cli import main

FILE = Path(__file__).resolve().parents[2] / "compose.yaml"
TEXT = FILE.read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}

NOT_SERVICES = {"replay", "check", "positions", "reset", "kafka", "diagnose", "reach", "rejects"} | {
    *("query", "read", "topics")
}
"""Commands that end by themselves, and the local Kafka, for which compose has Kafka's own image."""

_DURATION = {"type": "string", "pattern": r"^\d+s$"}
_TEXTS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_SCHEMA = {
    "type": "object",
    "required": ["services"],
    "additionalProperties": False,
    "patternProperties": {"^x-": {}},
    "properties": {
        "volumes": {"type": "object", "additionalProperties": {"type": "null"}},
        "services": {"type": "object", "additionalProperties": {"$ref": "#/$defs/service"}},
    },
    "$defs": {
        "service": {
            "type": "object",
            "required": ["image", "restart"],
            "additionalProperties": False,
            "properties": {
                "image": {"type": "string", "pattern": r"^[a-z0-9/-]+:(?!latest$)[a-z0-9.]+$"},
                "build": {
                    "type": "object",
                    "required": ["context", "target", "dockerfile_inline"],
                    "additionalProperties": False,
                    "properties": {
                        "context": {"const": "."},
                        "target": {"enum": ["production", "emulator"]},
                        "dockerfile_inline": {"type": "string"},
                    },
                },
                "command": {"type": "string"},
                # Texts only: YAML reads a bare `no` or `1e3` as something else.
                "environment": {
                    "type": "object",
                    "propertyNames": {"pattern": "^[A-Z0-9_]+$"},
                    "additionalProperties": {"type": "string"},
                },
                "ports": _TEXTS,
                "volumes": _TEXTS,
                "profiles": _TEXTS,
                "init": {"const": True},
                "restart": {"const": "unless-stopped"},
                "depends_on": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "required": ["condition"],
                        "additionalProperties": False,
                        "properties": {"condition": {"const": "service_healthy"}},
                    },
                },
                "healthcheck": {
                    "type": "object",
                    "required": ["test"],
                    "additionalProperties": False,
                    "properties": {
                        "test": {**_TEXTS, "prefixItems": [{"const": "CMD"}]},
                        "interval": _DURATION,
                        "timeout": _DURATION,
                        "start_period": _DURATION,
                        "retries": {"type": "integer", "minimum": 1},
                    },
                },
            },
        },
    },
}


def test_the_file_holds_only_keys_that_compose_knows() -> None:
    jsonschema.Draft202012Validator(_SCHEMA).validate(COMPOSE)


def subcommands(group: click.Group) -> dict[str, click.Command]:
    """Return the subcommands of a group by name; a lazy group imports them."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def commands(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command that does something."""
    for name, command in subcommands(group).items():
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))
        else:
            yield (*before, name)


def parse(words: list[str]) -> tuple[str, ...]:
    """Return the (sub)command that some words call; click raises on an unknown option or value."""
    program, *left = words
    assert program == "vpcflow"
    command: click.Command = main
    called: list[str] = []
    while isinstance(command, click.Group):
        called.append(left.pop(0))
        assert called[-1] in subcommands(command), f"no subcommand {' '.join(called)}"
        command = subcommands(command)[called[-1]]
    command.make_context(called[-1], left)
    return tuple(called)


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_service_runs_a_subcommand_of_its_name(name: str) -> None:
    words = parse(shlex.split(OURS[name]["command"]))
    assert name in (words[0], "-".join(words))


def test_every_process_of_the_command_line_is_a_service() -> None:
    running = {parse(shlex.split(service["command"])) for service in OURS.values()}
    assert running == {words for words in commands(main) if not NOT_SERVICES & set(words)}


def test_our_services_are_two_images_of_one_description() -> None:
    """Only the processes that need the extra `local` run in the image that has it."""
    assert len({s["build"]["dockerfile_inline"] for s in OURS.values()}) == 1
    targets = {name: (s["image"], s["build"]["target"]) for name, s in OURS.items()}
    assert {name for name, target in targets.items() if target == ("vpcflow-emulator:local", "emulator")} == {
        "emulate",
        "world",
    }
    assert {target for name, target in targets.items() if name not in {"emulate", "world"}} == {
        ("vpcflow:local", "production")
    }


def stages() -> dict[str, list[str]]:
    """Return the lines of each stage of the image, by the stage's name."""
    found: dict[str, list[str]] = {}
    for line in OURS["work"]["build"]["dockerfile_inline"].splitlines():
        if line.startswith("FROM "):
            found[line.split()[-1]] = []
        found[list(found)[-1]].append(line)
    return found


def test_the_production_image_is_made_from_the_production_lock_alone() -> None:
    production = stages()["production"]
    assert production[0] == "FROM python:3.11-slim AS production"
    installs = [line for line in production if "pip install" in line]
    assert installs == [
        "RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements-production.lock",
        "RUN pip install --no-cache-dir --no-deps /tmp/wheel/*.whl",
    ]


def test_no_image_runs_as_root() -> None:
    """The user is a number, because Kubernetes cannot compare a name with `runAsNonRoot`."""
    for name in ("production", "emulator"):
        users = [line for line in stages()[name] if line.startswith("USER ")]
        assert users == ["USER 10001"]


def test_every_file_that_the_image_copies_is_there() -> None:
    lines = [line for stage in stages().values() for line in stage if line.startswith("COPY ")]
    copied = {name for line in lines if "--from" not in line for name in line.split()[1:-1]}
    assert copied
    assert {name for name in copied if not (FILE.parent / name).exists()} == set()


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_variable_of_ours_is_a_setting(name: str) -> None:
    check_names(OURS[name].get("environment", {}))


def test_every_variable_named_anywhere_in_the_file_is_a_setting() -> None:
    check_names(re.findall(r"\bVPCFLOW_[A-Z0-9_]+", TEXT))


@pytest.mark.parametrize("name", sorted(OURS.keys() - {"emulate"}))
def test_our_services_find_kafka_and_kinesis_in_the_same_network(name: str) -> None:
    environment = OURS[name]["environment"]
    assert environment["VPCFLOW_KAFKA"] == "kafka:9092"
    assert environment["AWS_ENDPOINT_URL"] == "${KINESIS_ENDPOINT:-http://emulate:4566}"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_nothing_is_published_beyond_loopback(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port), f"{name} publishes {port}"


def test_no_two_services_publish_the_same_port() -> None:
    published = [port.split(":")[1] for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) == len(set(published))


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_waits_only_for_one_that_can_be_healthy(name: str) -> None:
    for other in SERVICES[name].get("depends_on", {}):
        assert "healthcheck" in SERVICES[other]


def test_kafka_is_the_version_that_a_replay_runs_and_takes_our_largest_message() -> None:
    jars = (FILE.parent / "emulator/kafka/jars.txt").read_text()
    version = SERVICES["kafka"]["image"].partition(":")[2]
    assert f"org.apache.kafka:kafka-clients:{version} " in jars
    assert int(SERVICES["kafka"]["environment"]["KAFKA_MESSAGE_MAX_BYTES"]) == REQUEST_MAX_BYTES
