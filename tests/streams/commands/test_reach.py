"""`vpcflow reach` and `vpcflow rejects` as a user runs them: output, exit status, bad files."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, MutableMapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner

from connectors.vpc.diagnosis.changes import changes
from connectors.vpc.diagnosis.diagnose import diagnose
from connectors.vpc.diagnosis.rejections import explain, of_windows
from emulator import server
from streams.cli import main
from streams.commands.reachability import reaching
from tests.beside import beside
from tests.connectors.vpc.diagnosis.lab import Lab
from tests.streams.commands.in_lab import run_in

pytestmark = [pytest.mark.moto, pytest.mark.usefixtures("no_emulator_logs")]
ACCOUNT = "000000000779"
HEADER = "interface-id srcaddr dstaddr srcport dstport protocol packets start end action tcp-flags log-status"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A web server and a database host, in an emulator."""
    with beside(server.emulator()) as url:
        found = Lab(url, ACCOUNT)
        found.vpc("a", "10.0.0.0/16")
        found.subnet("s", "a", "10.0.0.0/24")
        found.subnet("d", "a", "10.0.1.0/24")
        found.igw("igw", "a")
        found.table("rtb", "a", {"0.0.0.0/0": "igw"}, "s")
        found.group("sg-web", "a", "tcp 443 0.0.0.0/0")
        found.group("sg-db", "a", "tcp 5432 sg-web")
        found.host("web", "s", "sg-web", public=True)
        found.host("db", "d", "sg-db")
        found.ec2.create_tags(Resources=[found.id("web")], Tags=[{"Key": "Name", "Value": "web-1"}])
        for name in ("db", "web"):
            found.ec2.create_tags(Resources=[found.id(name)], Tags=[{"Key": "Team", "Value": "shop"}])
        yield found


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_expected_connections_are_evaluated(lab: Lab, tmp_path: Path) -> None:
    file = written(
        tmp_path / "reach.yaml",
        f"""
- {{from: internet, to: web-1, port: 443}}
- {{from: web-1, to: {lab.id("db")}, port: 5432, protocol: tcp, expect: allow}}
- from: internet
  to: {lab.id("db")}
  port: 5432
  expect: deny
""",
    )
    told = run_in(lab, "reach", file)
    assert told.exit_code == 0, told.output + told.stderr
    assert told.stdout.count("ok ") == 3
    wrong = written(tmp_path / "wrong.json", json.dumps([{"from": "web-1", "to": lab.id("db"), "port": 22}]))
    told = run_in(lab, "reach", wrong, "--json")
    assert told.exit_code == 1
    (one,) = json.loads(told.stdout)
    assert (one["expect"], one["found"], one["as_expected"]) == ("allow", "deny", False)
    assert one["components"] == [lab.id("sg-db")]
    unknown = written(tmp_path / "unknown.yaml", "- {from: no-such-host, to: web-1, port: 22, expect: deny}")
    told = run_in(lab, "reach", unknown)
    assert (told.exit_code, "unknown" in told.stdout) == (1, True)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 1: it must be a list"),
        ("a: b", "line 1: it must be a list"),
        ("[]", "line 1: it has no connections"),
        ("- {from: a, to: b, port: 22}\n- {from: a, to: b, port: 99999}", "line 2: port is 99999"),
        ("- {from: a, to: b, port: x}", "line 1: port is x"),
        ("- {from: a, port: 22}", "line 1: from and to"),
        ("\n- {from: a, to: b, protocol: sctp}", "line 2: protocol is sctp"),
        ("- {from: a, to: b, expect: maybe}", "line 1: expect is maybe"),
        ("- {from: a, to: b, ports: 22}", "line 1: ports is no key"),
        ("- nonsense", "line 1: an entry must have"),
        ("- {from: a\n- [", "it is no YAML or JSON"),
        ("- !!python/object:os.system {}", "line 1: "),
    ],
)
def test_a_bad_file_is_one_sentence_with_its_line(lab: Lab, tmp_path: Path, text: str, sentence: str) -> None:
    told = run_in(lab, "reach", written(tmp_path / "bad.yaml", text))
    assert (told.exit_code, told.stdout) == (2, ""), told.output
    assert sentence in told.stderr
    assert told.stderr.count("\n") == 1


def test_a_changed_result_is_logged_with_the_change(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(Exception):
        pass

    before = lab.read()
    lab.allow("sg-db", "tcp 22 0.0.0.0/0")
    after = lab.read()
    assert changes(before.estate.resources, after.estate.resources) == [
        f"{lab.id('sg-db')} changed: + tcp 22 0.0.0.0/0"
    ]
    readings = iter([before, before, after])
    events: list[dict[str, Any]] = []

    def pause(_: float) -> None:
        if events:
            raise Stopped

    monkeypatch.setattr(reaching, "read_account", lambda: next(readings))

    def noted(_: object, __: str, event: MutableMapping[str, Any]) -> str:
        events.append(dict(event))
        return ""

    monkeypatch.setattr("streams.commands.reachability.reaching.time.sleep", pause)
    structlog.configure(processors=[noted])
    file = written(tmp_path / "reach.yaml", f"- {{from: web-1, to: {lab.id('db')}, port: 22, expect: deny}}")
    with pytest.raises(Stopped):
        reaching.run(file, as_json=False, pause_s=1)
    (event,) = events
    assert (event["event"], event["was"], event["found"]) == ("reachability_changed", "deny", "allow")
    assert event["change"] == [f"{lab.id('sg-db')} changed: + tcp 22 0.0.0.0/0"]


def flows(lab: Lab) -> str:
    web, db = lab.id("addr-web"), lab.id("addr-db")
    lines = [
        f"{lab.id('eni-web')} 203.0.113.7 {web} 40000 443 6 5 1000 1060 ACCEPT 2 OK",
        f"{lab.id('eni-web')} {web} 203.0.113.7 443 40000 6 5 1000 1060 ACCEPT 18 OK",
        f"{lab.id('eni-db')} {web} {db} 40001 5432 6 7 1000 1060 ACCEPT 2 OK",
        f"{lab.id('eni-db')} {web} {db} 40002 3306 6 9 1000 1060 REJECT 2 OK",
        f"{lab.id('eni-web')} 203.0.113.9 {web} 50000 23 6 1 1000 1060 REJECT 2 OK",
        f"{lab.id('eni-web')} 203.0.113.9 {web} 50001 443 6 2 1000 1060 REJECT 2 OK",
    ]
    return "\n".join((HEADER, *lines))


def test_suggestions_are_a_file_for_reach(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "flows.gz"
    path.write_bytes(gzip.compress(flows(lab).encode()))
    told = run_in(lab, "reach", "suggest", "--flows", str(path))
    assert told.exit_code == 0, told.stderr
    file = written(tmp_path / "suggested.yaml", told.stdout)
    assert len(reaching.read_file(file)) == 2
    assert run_in(lab, "reach", file).exit_code == 0
    assert run_in(lab, "reach", "suggest").exit_code == 2


def test_rejections_name_the_component(lab: Lab, tmp_path: Path) -> None:
    file = written(tmp_path / "flows.txt", flows(lab))
    told = run_in(lab, "rejects", "--flows", file, "--explain", "--json")
    assert told.exit_code == 0, told.stderr
    found = json.loads(told.stdout)
    assert [(one["port"], one["packets"], one["component"]) for one in found] == [
        (3306, 9, lab.id("sg-db")),
        (443, 2, None),
        (23, 1, lab.id("sg-web")),
    ]
    assert "allows it now" in found[1]["sentence"]
    shown = run_in(lab, "rejects", "--flows", file, "--limit", "1").stdout
    assert "9 packets" in shown
    assert shown.count("\n") == 1
    assert run_in(lab, "rejects", "--flows", "/no/such/file").exit_code == 2


def test_an_ambiguous_name_lists_its_candidates(lab: Lab) -> None:
    told = run_in(lab, "diagnose", "Team=shop", "internet")
    assert (told.exit_code, told.stdout) == (2, "")
    assert lab.id("web") in told.stderr
    assert lab.id("db") in told.stderr


def test_watch_ends_when_the_destination_is_reachable(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user opens the port during the first pause."""
    opened = iter(["tcp 8443 0.0.0.0/0"])
    monkeypatch.setattr(
        "streams.commands.reachability.diagnosis.time.sleep", lambda _: lab.allow("sg-web", *opened)
    )
    told = run_in(lab, "diagnose", "internet", "web-1", "--port", "8443", "--watch")
    assert told.exit_code == 0, told.stderr
    assert told.stdout.index("NOT reachable") < told.stdout.rindex(": reachable")
    assert "aws ec2 authorize-security-group-ingress" in told.stdout


def row(lab: Lab, **more: object) -> dict[str, object]:
    """Return a row of the topic `conversations`: the database refuses the web server."""
    found: dict[str, object] = {"eni": lab.id("eni-db"), "action": "REJECT", "is_other": False, "flows": 1}
    found |= {"source": lab.id("addr-web"), "destination": lab.id("addr-db"), "pkt_source": ""}
    found |= {"pkt_destination": "", "port": 3306, "port_rule": "syn", "protocol": 6, "packets": 2}
    return found | more


def test_rows_of_windows_are_rejections(lab: Lab) -> None:
    other = row(lab, is_other=True, source="", destination="", port=-1)
    found = of_windows([row(lab), row(lab, packets=5), row(lab, action="ACCEPT"), other], 10)
    (one,) = found
    assert (one.packets, one.records, one.conversation.port) == (7, 2, 3306)
    (back,) = of_windows([row(lab, port_rule="syn-ack", eni=lab.id("eni-web"))], 10)
    assert (back.conversation.source, back.conversation.is_response) == (lab.id("addr-db"), True)
    inventory = lab.read()
    (unsure,) = of_windows(
        [
            row(
                lab,
                port=443,
                port_rule="lower",
                source="203.0.113.7",
                destination=lab.id("addr-web"),
                eni=lab.id("eni-web"),
            )
        ],
        1,
    )
    explain(unsure, lambda eni_id: inventory.estate.enis[eni_id].addresses, partial(diagnose, inventory))
    assert unsure.conversation.is_response


def test_a_kafka_that_does_not_answer_is_one_sentence(lab: Lab) -> None:
    told = CliRunner(mix_stderr=False).invoke(main, ["rejects"], env={"VPCFLOW_KAFKA": "127.0.0.1:9"})
    assert (told.exit_code, told.stdout) == (2, "")
    assert "127.0.0.1:9" in told.stderr
    assert CliRunner().invoke(main, ["rejects", "--from", "noon"]).exit_code == 2
