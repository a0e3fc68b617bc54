"""The settings of the inventory, and those of the databases of addresses. Pure."""

from __future__ import annotations

import re

from pydantic import BaseModel, Field, field_validator

from connectors.setting_values import time_ms

YEAR_DAYS = 366
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
_ROLE = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+")


class NameFiles(BaseModel):
    """The MaxMind databases of a process that shows names."""

    country_file: str = Field(default="", description="MaxMind database of countries (.mmdb); empty: none")
    asn_file: str = Field(
        default="", description="MaxMind database of autonomous systems (.mmdb); empty: none"
    )


class InventorySettings(BaseModel):
    """The accounts and Regions to read, the interval, and the retention of rows."""

    inventory_s: float = Field(default=60.0, ge=10, le=3600, description="pause between readings, seconds")
    inventory_regions: str = Field(
        default="", description="Regions to read, commas between; empty: the Region of the AWS settings"
    )
    inventory_roles: str = Field(
        default="",
        description="ARNs of roles to assume, commas between; `self`: this account; empty: only this one",
    )
    inventory_days: int = Field(
        default=30, ge=1, le=YEAR_DAYS, description="how long former owners are kept, days"
    )
    inventory_network_hours: int = Field(
        default=48, ge=24, le=YEAR_DAYS * 24, description="how long former configuration is kept, hours"
    )
    inventory_since: str = Field(
        default="",
        description="time since which the interfaces of the first reading count as there (ISO 8601)",
    )
    aws_ranges: str = Field(
        default="",
        description="file or URL of AWS's ip-ranges.json; empty: addresses of AWS services have no name",
    )
    prefix_lists: str = Field(
        default="", description="file with names of address blocks: JSON, or CSV with block and name"
    )

    @property
    def since_s(self) -> int | None:
        """The time of `inventory_since`, epoch seconds; None without one."""
        return time_ms(self.inventory_since) // 1000 if self.inventory_since else None

    @field_validator("inventory_regions")
    @classmethod
    def _are_regions(cls, value: str) -> str:
        for one in _parts(value):
            if not _REGION.fullmatch(one):
                raise ValueError(f"{one!r} is no Region: write names such as eu-central-1, commas between")
        return value

    @field_validator("inventory_roles")
    @classmethod
    def _are_roles(cls, value: str) -> str:
        for one in _parts(value):
            if one != "self" and not _ROLE.fullmatch(one):
                raise ValueError(f"{one!r} is no role: write arn:aws:iam::111122223333:role/name, or self")
        return value

    @field_validator("inventory_since")
    @classmethod
    def _is_time(cls, value: str) -> str:
        if value:
            try:
                time_ms(value)
            except ValueError as error:
                raise ValueError("write a time such as 2026-11-28T12:00:00Z") from error
        return value


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]
