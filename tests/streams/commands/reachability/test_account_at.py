"""`vpcflow diagnose --at`: the configuration of a moment, from the rows of the topic `inventory`."""

from __future__ import annotations

import threading

import pytest
from click.testing import CliRunner

from connectors.inventory.network_rows import NetworkHistory, OpenNetwork
from connectors.inventory.reading.region_reading import RegionReader
from connectors.vpc.diagnosis.diagnose import diagnose
from emulator import server
from streams.cli import main
from streams.commands.reachability.account_at import inventory_at
from tests.beside import beside
from tests.connectors.vpc.diagnosis.lab import REGION, Lab
from tests.emulator.aws import session

pytestmark = [pytest.mark.moto, pytest.mark.usefixtures("no_emulator_logs")]
ACCOUNT = "000000000781"


def test_the_configuration_of_a_moment_is_diagnosed() -> None:
    history, network = NetworkHistory(), OpenNetwork(ACCOUNT, REGION)
    with beside(server.emulator()) as url:
        lab = Lab(url, ACCOUNT)
        opened = session(ACCOUNT)
        reader = RegionReader(
            lambda service: opened.client(service, REGION, endpoint_url=url), REGION, threading.Event()
        )

        def note(at_s: int) -> None:
            for row in network.changes(at_s, reader.read().answers):
                history.apply(row.key, row.encode())

        lab.vpc("a", "10.0.0.0/16")
        lab.subnet("s", "a", "10.0.0.0/24")
        lab.igw("igw", "a")
        lab.table("rtb", "a", {"0.0.0.0/0": "igw"}, "s")
        lab.group("sg", "a")
        lab.host("web", "s", "sg", public=True)
        note(100)
        lab.allow("sg", "tcp 443 0.0.0.0/0")
        note(200)
    causes = {
        at_s: [cause.code for cause in diagnose(found, "internet", lab.id("web"), "tcp", 443).causes]
        for at_s in (150, 250)
        if (found := inventory_at(history, at_s, str(at_s)))
    }
    assert causes == {150: ["SG_HAS_NO_RULES"], 250: []}
    with pytest.raises(SystemExit) as ended:
        inventory_at(history, 50, "1970-01-01T00:00:50")
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--at", "yesterday noon"), "is not a time"),
        (("--at", "1h"), "127.0.0.1:9"),
        (("--at", "1h", "--watch"), "leave out --at"),
    ],
)
def test_a_moment_that_is_unknown_is_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    told = CliRunner(mix_stderr=False).invoke(
        main, ["diagnose", "internet", "i-1", *words], env={"VPCFLOW_KAFKA": "127.0.0.1:9"}
    )
    assert (told.exit_code, told.stdout) == (2, ""), told.output
    assert sentence in told.stderr
