"""The reader of one object in a worker thread, step by step; it holds a few chunks in memory.

After a broken connection, the reader continues with `Range`, so that a large object does not begin anew.
`If-Match` keeps it at the same version. A step is the unit of a commit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from tempfile import TemporaryFile
from typing import Any

from botocore.exceptions import ClientError

from connectors.aws.errors import MISSING, code_of, user_error
from connectors.s3.client import Body
from connectors.s3.keys import CommittedProgress, Object
from connectors.s3.text import Broken, Part, beginning, read_text
from connectors.s3.transaction import DONE, REFUSED, REPLACED, VANISHED, ObjectRead

STEP_BYTES = 2 << 20
PARQUET_MAGIC = b"PAR1"
PARQUET_MAX_BYTES = 1 << 30  # on disk; a file of AWS has at most 75 MB before compression


class ObjectReader:
    """An object that is being read from its committed position."""

    def __init__(self, client: Any, wanted: Object, progress: CommittedProgress) -> None:
        self._wanted, self._at = wanted, progress.at
        self._stop = threading.Event()
        self._body = Body(client, wanted, self._stop)
        self._parts = self._read()

    def stop(self) -> None:
        """Stop the step that runs in its thread."""
        self._stop.set()

    def step(self) -> ObjectRead:
        """Read until a step is full or the object has ended.

        Raises `ConnectError` for an operator's error, `Stopped`, and botocore's errors.
        """
        parts: list[Part] = []
        size = 0
        try:
            for part in self._parts:
                parts.append(part)
                self._at, size = part.last, size + len(part.text)
                if size >= STEP_BYTES:
                    return self._result(parts)
        except Broken as broken:
            return self._result(parts, REFUSED, (str(broken), broken.sample))
        except ClientError as error:
            return self._result(parts, self._gone(error))
        return self._result(parts, DONE)

    def _result(
        self, parts: list[Part], outcome: str = "", refused: tuple[str, bytes] | None = None
    ) -> ObjectRead:
        why = refused[0] if refused else "" if outcome == DONE else outcome
        progress = CommittedProgress(self._at, int(time.time()), bool(outcome), why)
        return ObjectRead(self._wanted, tuple(parts), progress, self._body.modified_ms, outcome, refused)

    def _gone(self, error: ClientError) -> str:
        if code_of(error) in MISSING:
            return VANISHED
        if error.response["ResponseMetadata"].get("HTTPStatusCode") in (412, 416):
            return REPLACED
        arn = f"arn:aws:s3:::{self._wanted.name}"
        problem = user_error(error, "s3:GetObject (and kms:Decrypt, and s3:ListBucket)", arn)
        if problem is not None:
            raise problem from error
        raise error

    def _read(self) -> Iterator[Part]:
        with closing(self._body):
            chunks = iter(self._body)
            first = beginning(chunks)
            if not first.startswith(PARQUET_MAGIC):
                line_format = self._wanted.file.line_format
                yield from read_text(chain([first], chunks), self._at, line_format=line_format)
                return
            from connectors.s3.parquet import read_parquet  # Polars costs 40 MB, and only Parquet needs it.

            with TemporaryFile(prefix="vpcflow-") as file:
                size = 0
                for chunk in chain([first], chunks):
                    size += len(chunk)
                    if size > PARQUET_MAX_BYTES:
                        raise Broken("Parquet beyond the cap")
                    file.write(chunk)
                file.flush()
                yield from read_parquet(file, self._at)
