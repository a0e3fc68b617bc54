"""The archive that VPCFLOW_ARCHIVE names: a folder, or a bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from connectors.archive_settings import bucket_of
from connectors.aws.session import make_client
from streams.archive.storage.bucket import Bucket
from streams.archive.storage.folder import Folder

SILENCE_S = 30.0
"""Time without a byte after which a call to S3 has failed: a part may be large, and S3 slow."""


def place_of(archive: str, client: Any = None) -> Folder | Bucket:
    """Return the archive of a setting. `client` is a boto3 client of S3; None creates one.

    Raises `ConnectError` if no client can be created.
    """
    if (place := bucket_of(archive)) is not None:
        return Bucket(client or make_client("s3", silence_s=SILENCE_S), *place)
    return Folder(Path(archive).expanduser())
