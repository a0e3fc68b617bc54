"""Which calls a rule strikes, and what people may write in rules; no server is needed for that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from emulator.faults.documents import BadFaults, as_document, read, read_file
from emulator.faults.rules import Fault, Faults, FaultTarget, Plan, Rule
from emulator.kinesis.faults.faulty import FaultyService
from emulator.kinesis.protocol import cbor
from emulator.kinesis.protocol.wire import ACCOUNT, DEFAULT_REGION, Format, Time
from emulator.kinesis.service import HttpRequest
from emulator.kinesis.store import Store, StoreLimits
from emulator.scope import Scope
from streams.cli import main

NOW_MS = 1_700_000_000_000
SHARDS = frozenset({"shardId-000000000001"})


def struck(rule: Rule, targets: list[FaultTarget], seed: int = 1, each_ms: int = 0) -> list[int]:
    """Return which of some calls, one each `each_ms`, a rule strikes."""
    faults = Faults(Plan(seed, (rule,)), NOW_MS)
    return [at for at, target in enumerate(targets) if faults.decide(target, NOW_MS + at * each_ms)]


def test_a_rule_strikes_the_operations_streams_and_shards_it_names() -> None:
    targets = [
        FaultTarget("PutRecords", "orders-eu", SHARDS),
        FaultTarget("GetRecords", "orders-eu", SHARDS),
        FaultTarget("PutRecord", "other", SHARDS),
        FaultTarget("PutRecord", "orders-us", frozenset({"shardId-000000000002"})),
        FaultTarget("ListStreams"),
    ]
    assert struck(Rule("reset"), targets) == [0, 1, 2, 3, 4]
    assert struck(Rule("reset", operations=("Put*", "List*")), targets) == [0, 2, 3, 4]
    assert struck(Rule("reset", stream="orders-*"), targets) == [0, 1, 3]
    assert struck(Rule("reset", shard="shardId-000000000001"), targets) == [0, 1, 2]
    assert struck(Rule("null_iterator"), targets) == [1]


def test_a_rule_waits_for_calls_and_seconds_and_ends() -> None:
    targets = [FaultTarget("PutRecord", "s")] * 10
    assert struck(Rule("reset", count=2), targets) == [0, 1]
    assert struck(Rule("reset", after_calls=7), targets) == [7, 8, 9]
    assert struck(Rule("reset", after_calls=3, count=1), targets) == [3]
    assert struck(Rule("reset", after_s=8), targets, each_ms=1000) == [8, 9]
    assert struck(Rule("reset", between_s=(2, 5)), targets, each_ms=1000) == [2, 3, 4]


def test_chance_is_that_of_the_seed_and_the_calls_only() -> None:
    targets = [FaultTarget("PutRecord", "s")] * 1000
    rule = Rule("reset", probability=0.3)
    first = struck(rule, targets)
    assert 250 < len(first) < 350
    assert struck(rule, targets, each_ms=17) == first
    assert struck(rule, targets, seed=2) != first
    beside = Faults(Plan(1, (rule, Rule("latency", probability=0.5))), NOW_MS)
    hits = [any(s.rule is rule for s in beside.decide(target, NOW_MS)) for target in targets]
    assert [at for at, hit in enumerate(hits) if hit] == first


def test_a_document_says_what_was_read() -> None:
    document = {
        "seed": 7,
        "rules": [
            {"fault": "throttle", "operations": ["Put*"], "probability": 0.25, "share": 0.5, "count": 3},
            {"fault": "latency", "delay_ms": [5, 50], "between_s": [0.0, 60.0]},
            {"fault": "merge", "shard": "a", "adjacent": "b", "after_records": 10},
        ],
    }
    assert as_document(read(document)) == document
    short = read({"rules": [{"fault": "latency", "operations": "Put*", "delay_ms": 5}]}).rules[0]
    assert (short.operations, short.delay_ms) == (("Put*",), (5, 5))


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"fault": "explode"}, "rules[0]: there is no fault 'explode'. There are: throttle,"),
        ({"fault": "reset", "delay_ms": 3}, "rules[0]: the fault reset has no field 'delay_ms'. It has:"),
        ({"fault": "latency"}, "rules[0]: the fault latency needs the field 'delay_ms'."),
        ({"fault": "reset", "probability": "often"}, "rules[0].probability: Input should be a valid number"),
        ({"fault": "reset", "probability": 2}, "rules[0].probability: must be from 0 to 1; it is 2.0."),
        ({"fault": "reset", "count": 0}, "rules[0].count: must be 1 or more"),
        ({"fault": "latency", "delay_ms": [9, 3]}, "rules[0].delay_ms: must be two numbers, the lower first"),
        ({"fault": "split", "shard": "shardId-*"}, "rules[0].shard: split needs one shard, not a pattern"),
        (5, "rules[0]: Input should be"),
    ],
)
def test_a_rule_that_is_wrong_is_refused_with_a_sentence(rule: object, sentence: str) -> None:
    with pytest.raises(BadFaults) as refused:
        read({"rules": [rule]})
    assert str(refused.value).startswith(sentence)


def test_a_file_is_toml_or_json_and_its_name_stands_in_the_sentence(tmp_path: Path) -> None:
    toml, broken = tmp_path / "faults.toml", tmp_path / "faults.json"
    toml.write_text('seed = 3\n[[rules]]\nfault = "reset"\neffect = "after"\n')
    assert read_file(toml) == Plan(3, (Rule("reset", effect="after"),))
    broken.write_text("rules:\n  - fault: reset\n")
    with pytest.raises(BadFaults, match=r"faults\.json: is not JSON"):
        read_file(broken)
    with pytest.raises(BadFaults, match=r"none\.json: cannot be read: No such file"):
        read_file(tmp_path / "none.json")


def test_the_command_line_refuses_a_file_of_faults_with_its_sentence(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text('[[rules]]\nfault = "explode"\n')
    told = CliRunner().invoke(main, ["emulate", "--port", "0", "--faults", str(path)])
    assert told.exit_code == 1
    assert told.output.startswith(f"Error: {path}: rules[0]: there is no fault 'explode'.")


@pytest.mark.parametrize("fault", ["null_iterator", "empty_while_behind"])
def test_spoiled_answers_are_of_the_format_that_was_asked(fault: Fault) -> None:
    store, faulty = Store(StoreLimits(transition_ms=0)), FaultyService()
    scope = Scope(ACCOUNT, DEFAULT_REGION)

    def ask(operation: str, body: dict[str, object]) -> dict[str, Any]:
        request = HttpRequest(operation, scope, Format.CBOR.value, cbor.dumps(body, Time))
        answer = faulty(store, request, NOW_MS)
        assert (answer.status, answer.format) == (200, Format.CBOR)
        assert isinstance(answer.body, bytes)
        return cbor.loads(answer.body) if answer.body else {}  # type: ignore[return-value]

    ask("CreateStream", {"StreamName": "s", "ShardCount": 1})
    ask("PutRecord", {"StreamName": "s", "PartitionKey": "k", "Data": b"\x00\xff"})
    asked = {"StreamName": "s", "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"}
    iterator = ask("GetShardIterator", dict(asked))
    plain = ask("GetRecords", dict(iterator))
    faulty.faults = Faults(Plan(1, (Rule(fault),)), NOW_MS)
    spoiled = ask("GetRecords", dict(iterator))
    if fault == "null_iterator":
        assert spoiled == {name: plain[name] for name in ("Records", "MillisBehindLatest")}
    else:
        assert (spoiled["Records"], spoiled["MillisBehindLatest"]) == ([], 60_000)
