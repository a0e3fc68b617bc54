"""Country and autonomous system from MaxMind's databases, which may be missing or wrong."""

from __future__ import annotations

from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet
from structlog.testing import capture_logs

from connectors.inventory.geo import GeoFiles, problem


def database(path: Path, kind: str, networks: dict[str, object]) -> str:
    writer = MMDBWriter(6, kind, ipv4_compatible=True)
    for network, content in networks.items():
        writer.insert_network(IPSet([network]), content)
    writer.to_db_file(str(path))
    return str(path)


def test_an_address_has_a_country_and_a_system(tmp_path: Path) -> None:
    countries = database(
        tmp_path / "c.mmdb",
        "GeoLite2-Country",
        {
            "192.0.2.0/24": {"country": {"iso_code": "DE"}},
            "2001:db8::/32": {"registered_country": {"iso_code": "FR"}},
        },
    )
    systems = database(
        tmp_path / "a.mmdb",
        "GeoLite2-ASN",
        {"192.0.2.0/25": {"autonomous_system_number": 64496, "autonomous_system_organization": "Example"}},
    )
    geo = GeoFiles(countries, systems)
    assert [geo(one) for one in ("192.0.2.1", "192.0.2.200", "2001:db8::1", "198.51.100.1", "-")] == [
        ("DE", "AS64496 Example"),
        ("DE", ""),
        ("FR", ""),
        ("", ""),
        ("", ""),
    ]


def test_a_missing_or_wrong_file_is_one_sentence_and_no_names(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.mmdb"
    wrong.write_bytes(b"no database")
    with capture_logs() as logs:
        geo = GeoFiles(str(wrong), str(tmp_path / "missing.mmdb"))
    assert [one["why"].partition(" (")[0] for one in logs] == [
        f"VPCFLOW_COUNTRY_FILE={wrong} is no MaxMind database",
        f"VPCFLOW_ASN_FILE={tmp_path}/missing.mmdb is no MaxMind database",
    ]
    assert not geo
    assert geo("192.0.2.1") == ("", "")
    assert problem("X", str(wrong)) is not None
