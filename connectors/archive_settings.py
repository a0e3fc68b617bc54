"""The settings of the archive and of queries on it. Pure.

The prices are AWS's public list prices for us-east-1, US dollars per GB, as of 2026-11 (pages "EC2 On-Demand
Pricing", section Data Transfer, and "Amazon VPC Pricing"). They are defaults: other Regions, tiers and
contracts have other prices.
"""

from __future__ import annotations

from pydantic import BaseModel, Field, field_validator

from connectors import setting_values

DAYS = "conversations=35,conversations_10m=90,*=400"
DAYS_MAX = 36_600


class ArchiveSettings(BaseModel):
    """The place of the archive, the size of its parts, and their retention."""

    archive: str = Field(
        default="archive", description="place of the archive: a folder, or s3://bucket/prefix"
    )
    archive_part_s: float = Field(
        default=300.0, gt=0, le=86_400, description="age at which a part is closed, seconds"
    )
    archive_part_mb: int = Field(
        default=64, ge=1, le=1024, description="rows in memory at which a part is closed, MB per partition"
    )
    archive_id: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9._-]{0,249}$",
        description="static member id; a restarted archive keeps its partitions",
    )
    archive_days: str = Field(
        default=DAYS,
        description="days to keep each table, `table=days` with commas, `*` for the others; 0: for ever",
    )

    @field_validator("archive")
    @classmethod
    def _place(cls, value: str) -> str:
        return archive_place(value)

    @field_validator("archive_days")
    @classmethod
    def _days(cls, value: str) -> str:
        days_by_table(value)
        return value


class QuerySettings(BaseModel):
    """The limits of a query, and the prices of the matrix in US dollars per GB."""

    archive: str = Field(
        default="archive", description="place of the archive: a folder, or s3://bucket/prefix"
    )
    query_memory_mb: int = Field(default=2048, ge=64, description="memory of a query, MB")
    query_threads: int = Field(default=0, ge=0, le=1024, description="threads of a query; 0: one per core")
    query_cache: str = Field(
        default="", description="folder with copies of parts from S3; empty: in the user's cache folder"
    )
    query_cache_mb: int = Field(default=10_240, ge=64, description="size of that folder, MB")
    price_cross_zone: float = Field(
        default=0.01, ge=0, description="price of traffic between zones, USD per GB, charged at each end"
    )
    price_nat: float = Field(default=0.045, ge=0, description="price of a NAT gateway, USD per GB processed")
    price_internet: float = Field(
        default=0.09, ge=0, description="price of traffic to the internet, USD per GB"
    )
    price_peering: float = Field(
        default=0.01, ge=0, description="price of peering between zones, USD per GB, charged at each end"
    )
    price_cross_region: float = Field(
        default=0.02, ge=0, description="price of traffic to another Region, USD per GB"
    )

    @field_validator("archive")
    @classmethod
    def _place(cls, value: str) -> str:
        return archive_place(value)


def archive_place(value: str) -> str:
    """Return the place of an archive. Raises `ValueError` with a sentence."""
    if not value:
        raise ValueError("write a folder, or s3://bucket/prefix")
    if "://" in value and bucket_of(value) is None:
        raise ValueError("write a folder, or s3://bucket/prefix")
    return value


def bucket_of(value: str) -> tuple[str, str] | None:
    """Return the bucket and the prefix of `s3://bucket/prefix`; None for a folder. Raises `ValueError`."""
    if not value.lower().startswith("s3://"):
        return None
    bucket, _, prefix = value[5:].partition("/")
    setting_values.bucket_place(f"s3://{bucket}")
    return bucket, prefix.strip("/")


def days_by_table(value: str) -> dict[str, int]:
    """Return the days by table of `table=days,*=days`; a table without days is kept for ever.

    Raises `ValueError` with a sentence.
    """
    found: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        name, separator, days = part.partition("=")
        is_number = days.strip().isascii() and days.strip().isdigit() and int(days) <= DAYS_MAX
        if not separator or not is_number:
            raise ValueError(f"{part!r} is not table=days, such as conversations=35: write {DAYS}")
        found[name.strip()] = int(days)
    return found
