"""The settings file and the environment: literal values, and a sentence for what cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.given_settings import BadFile, ours, read_file, service_links
from connectors.settings import Common, Connect, ConnectFirehose, ConnectS3, Serve, SettingsError

FORMAT = "${version} ${interface-id} ${start}"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder of its own, and none of our variables."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper().startswith("VPCFLOW_"):
            monkeypatch.delenv(name)


def written(text: str | bytes) -> dict[str, str]:
    """Return what is read of a file."""
    Path("vpcflow.env").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_file()


def test_values_of_the_file_are_literal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Interpolation would leave a format without fields, and a key with a home folder in it."""
    monkeypatch.setenv("HOME", "/root")
    found = written(f"VPCFLOW_LINE_FORMAT={FORMAT}\nVPCFLOW_FIREHOSE_KEY=pa${{HOME}}ss\n")
    assert found == {"VPCFLOW_LINE_FORMAT": FORMAT, "VPCFLOW_FIREHOSE_KEY": "pa${HOME}ss"}
    settings = ConnectFirehose()
    assert settings.line_format == FORMAT
    assert settings.firehose_key.get_secret_value() == "pa${HOME}ss"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("VPCFLOW_ACCOUNT=a$b$$c", "a$b$$c"),
        ("VPCFLOW_ACCOUNT=${VPCFLOW_KAFKA:-x}", "${VPCFLOW_KAFKA:-x}"),
        ('VPCFLOW_ACCOUNT="${HOME} x"', "${HOME} x"),
        ("VPCFLOW_ACCOUNT='${HOME} x'", "${HOME} x"),
        ("export VPCFLOW_ACCOUNT=x", "x"),
        ("VPCFLOW_ACCOUNT = x ", "x"),
        ("VPCFLOW_ACCOUNT=x # a comment", "x"),
        ("VPCFLOW_ACCOUNT=x#y", "x#y"),
        ('VPCFLOW_ACCOUNT="x # y"', "x # y"),
        (r'VPCFLOW_ACCOUNT="a\"b"', 'a"b'),
        (r"VPCFLOW_ACCOUNT=a\nb", r"a\nb"),
        (r"VPCFLOW_ACCOUNT='a\nb'", r"a\nb"),
        ("# a comment\r\n\r\nVPCFLOW_ACCOUNT=x\r\n", "x"),
        ("\ufeffVPCFLOW_ACCOUNT=x", "x"),
        ("vpcflow_account=x", "x"),
        ("VPCFLOW_ACCOUNT=a\nVPCFLOW_ACCOUNT=b", "b"),
        ("VPCFLOW_ACCOUNT=", ""),
        ("VPCFLOW_ACCOUNT=a=b", "a=b"),
    ],
)
def test_both_readers_of_the_file_agree(text: str, value: str) -> None:
    assert written(text) == {"VPCFLOW_ACCOUNT": value}
    assert Connect().account == value


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('VPCFLOW_SLOTS=1\nVPCFLOW_FIREHOSE_KEY="s3cret\n', "line 2 is not NAME=value: close the quotes"),
        ("VPCFLOW_SLOTS", "VPCFLOW_SLOTS has no value: write VPCFLOW_SLOTS=value"),
        ("VPCFLOW_SLOTS=8\n".encode("utf-16"), "is not UTF-8 text .*: save it as UTF-8"),
    ],
)
def test_a_file_that_cannot_be_understood_is_one_sentence(text: str | bytes, sentence: str) -> None:
    with pytest.raises(BadFile, match=sentence) as caught:
        written(text)
    assert "s3cret" not in str(caught.value)
    with pytest.raises(SettingsError, match=sentence):
        Common()


def test_a_folder_in_the_place_of_the_file_is_one_sentence() -> None:
    """Docker makes a folder where a mounted file does not exist."""
    Path("vpcflow.env").mkdir()
    with pytest.raises(BadFile, match=r"vpcflow.env cannot be read: .*directory"):
        read_file()


def test_no_file_gives_nothing() -> None:
    assert read_file() == {}


def test_kubernetes_service_links_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    links = {"VPCFLOW_PORT": "tcp://10.96.7.7:8080", "VPCFLOW_SERVICE_HOST": "10.96.7.7"}
    links |= {
        "VPCFLOW_FIREHOSE_PORT": "tcp://10.96.7.9:8443",
        "VPCFLOW_PORT_8080_TCP": "tcp://10.96.7.7:8080",
    }
    for name, value in links.items():
        monkeypatch.setenv(name, value)
    assert (Serve().port, ConnectFirehose().firehose_port) == (8080, 8443)
    assert service_links(os.environ) == sorted(links)
    assert ours(links | {"VPCFLOW_SLOT": "4", "PATH": "/bin"}) == {"VPCFLOW_SLOT": "4"}


def test_an_exact_name_wins_over_one_in_lower_case() -> None:
    assert ours({"VPCFLOW_SLOTS": "1", "vpcflow_slots": "2"}) == {"VPCFLOW_SLOTS": "1"}
    assert ours({"vpcflow_slots": "2", "VPCFLOW_SLOTS": "1"}) == {"VPCFLOW_SLOTS": "1"}


def test_quotes_that_docker_keeps_are_removed_but_from_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPCFLOW_KAFKA", '"PLAINTEXT://host:9094"')
    monkeypatch.setenv("VPCFLOW_SLOTS", "'4' ")
    monkeypatch.setenv("VPCFLOW_FIREHOSE_KEY", ' "key" ')
    found = ConnectFirehose()
    assert (found.kafka, found.slots) == ("host:9094", 4)
    assert found.firehose_key.get_secret_value() == ' "key" '


def test_a_pasted_bucket_brings_its_prefix() -> None:
    found = ConnectS3(s3_bucket="s3://my-flow-logs/team-a/")
    assert (found.s3_bucket, found.s3_prefix) == ("my-flow-logs", "team-a")
    found = ConnectS3(s3_bucket="arn:aws:s3:::my-flow-logs", s3_prefix="team-b/")
    assert (found.s3_bucket, found.s3_prefix) == ("my-flow-logs", "team-b")
    with pytest.raises(
        ValueError, match="has the prefix a, but VPCFLOW_S3_PREFIX is b: set VPCFLOW_S3_BUCKET=bbb"
    ):
        ConnectS3(s3_bucket="s3://bbb/a", s3_prefix="b")
