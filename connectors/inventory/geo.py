"""Country and autonomous system of an address from MaxMind's databases (GeoLite2 and GeoIP2, `.mmdb`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog
from maxminddb import MODE_MMAP, InvalidDatabaseError, Reader, open_database

log = structlog.get_logger()


class GeoFiles:
    """The databases of countries and of autonomous systems; an empty path means no database.

    A file that is missing or not a database is one log line, and its values are empty.
    """

    def __init__(self, country_file: str = "", asn_file: str = "") -> None:
        self._countries = _opened("VPCFLOW_COUNTRY_FILE", country_file)
        self._systems = _opened("VPCFLOW_ASN_FILE", asn_file)

    def __bool__(self) -> bool:
        """Return whether there is a database."""
        return bool(self._countries or self._systems)

    def __call__(self, address: str) -> tuple[str, str]:
        """Return the country code (ISO 3166) and the system, such as `AS64496 Example`; empty if unknown."""
        country, system = _record(self._countries, address), _record(self._systems, address)
        place = country.get("country") or country.get("registered_country") or {}
        code = place.get("iso_code", "") if isinstance(place, dict) else ""
        number = system.get("autonomous_system_number")
        name = system.get("autonomous_system_organization", "")
        return str(code), f"AS{number} {name}".strip() if number else ""


def problem(setting: str, path: str) -> str | None:
    """Return a sentence if a database cannot be used; None if it can."""
    try:
        with open_database(Path(path), MODE_MMAP):
            return None
    except (OSError, InvalidDatabaseError, ValueError) as error:
        return f"{setting}={path} is no MaxMind database ({error}): set it to a file with the suffix .mmdb"


def _opened(setting: str, path: str) -> Reader | None:
    if not path:
        return None
    if why := problem(setting, path):
        log.error("database of addresses not used", why=why)
        return None
    return open_database(Path(path), MODE_MMAP)


def _record(database: Reader | None, address: str) -> dict[str, Any]:
    if database is None:
        return {}
    try:
        found = database.get(address)
    except (ValueError, InvalidDatabaseError):  # An IPv6 address in a database of IPv4, or a damaged file.
        return {}
    return found if isinstance(found, dict) else {}
