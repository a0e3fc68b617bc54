"""Arguments are checked before anything starts: no value of any parameter causes a traceback."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from connectors.settings import ALL, ENV_PREFIX, Common
from streams.cli import main
from streams.commands.running import settings_of
from tests.streams.commands.absurd_arguments import VALUES, leaves

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _no_credentials(bare_environment: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials, neither in files nor from an instance's metadata."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))


@pytest.fixture
def taken() -> Iterator[str]:
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield str(other.getsockname()[1])


@pytest.mark.process
@pytest.mark.parametrize("path", [" ".join(one) for one in leaves(main)])
def test_absurd_values_of_every_parameter_end_with_a_sentence(path: str) -> None:
    """The parameters are found in click's tree of commands, so those of tomorrow are tried, too."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.streams.commands.absurd_arguments", *path.split()],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout, told.stderr[-2000:]) == (0, "", "")


@pytest.mark.parametrize("group", ALL)
def test_absurd_values_of_every_setting_are_a_value_or_a_sentence(
    group: type[Common], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in group.model_fields:
        for value in VALUES:
            monkeypatch.setenv(ENV_PREFIX + name.upper(), value)
            with contextlib.suppress(click.ClickException):
                settings_of(group)
        monkeypatch.delenv(ENV_PREFIX + name.upper())


def told(*arguments: str, **environment: str) -> str:
    """Return what a command that fails says."""
    result = CliRunner().invoke(main, arguments, env=environment)
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in {1, 2}, result.output
    return result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("replay --records -5", "'--records': -5 is not in the range"),
        ("replay --records 0", "'--records': 0 is not in the range"),
        ("replay --rate -1", "'--rate': -1.0 is not in the range"),
        ("replay --rate nan", "'--rate': nan is not a finite number"),
        ("replay --shards 0", "'--shards': 0 is not in the range"),
        ("replay --workers 0", "'--workers': 0 is not in the range"),
        ("replay --busy 0", "'--busy': 0 is not in the range"),
        ("replay --seed -1", "'--seed': -1 is not in the range"),
        ("replay --port 99999", "'--port': 99999 is not in the range"),
        ("replay --incidents nonsense", "There is no incident `nonsense`; there are port_scan"),
        ("replay --world nowhere", "nowhere is none of the presets (small, shop, estate), and no file"),
        ("replay --file .", "File '.' is a directory"),
        ("replay --file nowhere", "File 'nowhere' does not exist"),
        ("replay --source s3", "--source s3 needs --world"),
        ("replay --format 'version version'", "--format: "),
        ("replay --external-endpoint localhost:4566", "is no URL: write http://host:port"),
        ("emulate --port 99999", "'--port': 99999 is not in the range"),
        ("emulate --memory-mb 0", "'--memory-mb': 0 is not in the range"),
        ("emulate --retention-hours -1", "'--retention-hours': -1 is not in the range"),
        ("emulate --faults nowhere", "nowhere: cannot be read"),
        ("world --topology nowhere", "nowhere is none of the presets"),
        ("world --incidents nonsense", "There is no incident `nonsense`"),
        ("world --records -1", "'--records': -1 is not in the range"),
        ("world --speed 0", "'--speed': 0.0 is not in the range"),
        ("world --busy -1", "'--busy': -1 is not in the range"),
        ("world --seed x", "'x' is not a valid integer"),
        ("world --format 'version version'", "--format: "),
        ("world --stream two/words", "'two/words' is not a valid name"),
        ("world --records 5 --ledger no/folder/file", "its folder does not exist"),
        (
            "connect kinesis --start yesterday",
            "VPCFLOW_START='yesterday' is wrong: write TRIM_HORIZON, LATEST",
        ),
        ("connect kinesis --start 1969-01-01", "the time is before 1970"),
        ("connect kinesis --start 9999-01-01", "is in the future: use LATEST"),
        ("connect kinesis --stream a/b", "VPCFLOW_STREAM: 'a/b' is not a stream"),
        ("connect s3", "no objects to read: set VPCFLOW_S3_BUCKET, or VPCFLOW_S3_QUEUE"),
        (
            "connect s3 --queue arn:aws:sqs:eu-west-1:111122223333:q",
            "https://sqs.eu-west-1.amazonaws.com/1111",
        ),
        ("connect s3 --bucket https://x", "or s3://my-flow-logs/prefix"),
        ("connect firehose --port -1", "VPCFLOW_FIREHOSE_PORT='-1'|VPCFLOW_FIREHOSE_PORT=-1 is wrong"),
        (
            "connect reset kinesis:flow-logs --to soon",
            "'soon' is not a position: use beginning, end, a time (ISO 8601)",
        ),
        ("connect reset kinesis:flow-logs --to 2026-13-45", "'2026-13-45' is not a position"),
        ("connect reset kinesis:flow-logs --to 9999-12-31", "is not between 1970 and now"),
        (
            "connect reset kinesis:flow-logs --to 4959",
            "a sequence number belongs to one shard: add --shard",
        ),
        ("connect reset s3:bucket --to end", "can be reset to its beginning only"),
        ("connect reset flow-logs --to end", "is not a source: use kinesis:STREAM, s3:BUCKET or firehose"),
        ("notify --webhook hooks.example/s3cret", "it must begin with http:// or https://"),
        ("serve --port 70000", "VPCFLOW_PORT=70000 is wrong"),
        ("serve --kafka SASL_SSL://host:9098", "write host:9098 without SASL_SSL://"),
        (
            "check nonsense",
            "is not one of 'kinesis', 's3', 'firehose', 'inventory', 'work', 'archive', 'serve', 'notify'",
        ),
    ],
)
def test_a_wrong_argument_is_one_sentence_before_anything_starts(arguments: str, sentence: str) -> None:
    output = told(*shlex.split(arguments))
    assert any(one in output for one in sentence.split("|"))
    assert "s3cret" not in output


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WINDOW_S", "0"),
        ("WINDOW_S", "-60"),
        ("LATENESS_S", "-1"),
        ("RETENTION_S", "-1"),
        ("SESSION_S", "nan"),
        ("SESSION_S", "inf"),
        ("SLOTS", "0"),
        ("SLOTS", "257"),
        ("HEALTH_PORT", "-1"),
        ("WORKER_ID", "two words"),
        ("PREFIX", "two words."),
    ],
)
def test_a_wrong_number_is_one_sentence(name: str, value: str) -> None:
    assert told("work", **{f"VPCFLOW_{name}": value}).startswith(
        f"Error: VPCFLOW_{name}={value!r} is wrong: "
    )


def test_a_missing_region_is_one_sentence_before_kafka_is_asked() -> None:
    assert "set AWS_DEFAULT_REGION, or AWS_PROFILE" in told("connect", "kinesis")
    assert "no AWS credentials for S3" in told("connect", "s3", "--bucket", "my-flow-logs")


def test_missing_credentials_are_one_sentence_before_kafka_is_asked() -> None:
    output = told("connect", "kinesis", AWS_DEFAULT_REGION="eu-west-1")
    assert output == (
        "Error: no AWS credentials for Kinesis: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,"
        " or AWS_PROFILE\n"
    )


def test_a_port_in_use_is_one_sentence_before_anything_starts(taken: str) -> None:
    assert f"--port {taken} is taken by another process" in told("replay", "--port", taken)
    assert f"Port {taken} on 127.0.0.1 is in use" in told("emulate", "--port", taken)
