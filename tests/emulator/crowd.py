"""Twenty boto3 clients at once on one stream that is split and merged meanwhile, and what came of it.

Writers put numbered records under keys of their own, one call after the other, so that the order within a
key is known. Readers share the shards: each takes one, reads it once, and puts it back; children are read
when all their parents have been read to the end. Of what every client was told, an account is kept: each
acknowledged record is to be read once, in order within its key, and no call may fail.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

STREAM = "crowd"
FIRST_SHARDS, FEWEST_SHARDS, MOST_SHARDS = 4, 3, 8
WRITERS, READERS = 10, 9  # and one that reshards
KEYS_EACH, RECORDS_A_CALL, RECORD_BYTES = 20, 20, 200
DEADLINE_S = 60.0
_SESSION = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
_PAUSE_S = 0.02  # between reads that found nothing, so that readers leave the server to the writers


@dataclass
class Account:
    """What the clients were told, under one lock."""

    written: dict[str, list[int]] = field(default_factory=dict)
    read: dict[str, list[int]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    splits: int = 0
    merges: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def records(self) -> int:
        """How many records were acknowledged."""
        return sum(map(len, self.written.values()))

    @property
    def missing(self) -> int:
        """How many of them were not read."""
        return _more(self.written, self.read)

    @property
    def twice(self) -> int:
        """How many were read more than once, or never written."""
        return _more(self.read, self.written)

    @property
    def out_of_order(self) -> int:
        """In how many keys a record was read before one that was put before it."""
        return sum(seen != sorted(seen) for seen in self.read.values())

    @property
    def is_right(self) -> bool:
        """Say whether all is as it should be."""
        return not (self.errors or self.missing or self.twice or self.out_of_order)


@dataclass(frozen=True, slots=True)
class Turn:
    """A shard that one reader holds, and its iterator, None for its beginning."""

    shard_id: str
    iterator: str | None
    forgotten: int


class Lineage:
    """The shards that may be read now, each held by one reader at a time."""

    def __init__(self) -> None:
        self._ready: deque[tuple[str, str | None]] = deque()
        self._known: set[str] = set()
        self._ended: set[str] = set()
        self._waiting: dict[str, tuple[str, ...]] = {}
        self._at_tip: set[str] = set()
        self._forgotten = 0
        self._lock = threading.Lock()

    def add(self, shard_id: str, parents: tuple[str, ...] = ()) -> None:
        """Have a shard read when its parents have ended; it may be known already."""
        with self._lock:
            if shard_id not in self._known:
                self._known.add(shard_id)
                self._waiting[shard_id] = parents
            self._release()

    def take(self) -> Turn | None:
        """Return a shard to be read once; nothing if others hold all."""
        with self._lock:
            return Turn(*self._ready.popleft(), self._forgotten) if self._ready else None

    def put_back(self, turn: Turn, iterator: str, found_nothing: bool) -> None:
        """Go on with a shard later. What was seen before `forget_tips` does not say where the tip is now."""
        with self._lock:
            is_at_tip = found_nothing and turn.forgotten == self._forgotten
            (self._at_tip.add if is_at_tip else self._at_tip.discard)(turn.shard_id)
            self._ready.append((turn.shard_id, iterator))

    def end(self, shard_id: str) -> None:
        """Say that a shard's last record has been read."""
        with self._lock:
            self._ended.add(shard_id)
            self._at_tip.discard(shard_id)
            self._release()

    def forget_tips(self) -> None:
        """Have each open shard looked at once more before all is read."""
        with self._lock:
            self._at_tip.clear()
            self._forgotten += 1

    @property
    def is_read(self) -> bool:
        """Whether every shard was read to its end or its tip."""
        with self._lock:
            return self._known == self._ended | self._at_tip

    def _release(self) -> None:
        for shard_id, parents in list(self._waiting.items()):
            if self._ended.issuperset(parents):
                del self._waiting[shard_id]
                self._ready.append((shard_id, None))


class Crowd:
    """The clients of one endpoint."""

    def __init__(self, url: str, seed: int) -> None:
        self._url, self._seed = url, seed
        self.account, self.lineage = Account(), Lineage()
        self._writing, self._reading = threading.Event(), threading.Event()
        self._writing.set()
        self._reading.set()

    def run(self, seconds: float) -> Account:
        """Write, reshard and read for so long, then read what is left."""
        client = self._client()
        client.create_stream(StreamName=STREAM, ShardCount=FIRST_SHARDS)
        self._await_active(client)
        for shard in client.list_shards(StreamName=STREAM)["Shards"]:
            self.lineage.add(shard["ShardId"])
        writers = [self._thread(self._write, f"writer-{at}") for at in range(WRITERS)]
        writers.append(self._thread(self._reshard, "resharder"))
        readers = [self._thread(self._read, f"reader-{at}") for at in range(READERS)]
        self._stop_at(time.monotonic() + seconds, writers)
        self.lineage.forget_tips()
        deadline = time.monotonic() + DEADLINE_S
        while not self.lineage.is_read and time.monotonic() < deadline and any(r.is_alive() for r in readers):
            time.sleep(_PAUSE_S)
        self._reading.clear()
        for reader in readers:
            reader.join()
        client.close()
        return self.account

    def _stop_at(self, at: float, writers: list[threading.Thread]) -> None:
        threading.Event().wait(at - time.monotonic())
        self._writing.clear()
        for writer in writers:
            writer.join()

    def _thread(self, work: Callable[[Any, str], None], name: str) -> threading.Thread:
        def guarded() -> None:
            client = self._client()
            try:
                work(client, name)
            except Exception as error:  # whatever it is, the account is not right
                with self.account.lock:
                    self.account.errors[f"{name}: {error!r}"] += 1
            finally:
                client.close()

        thread = threading.Thread(target=guarded, name=name)
        thread.start()
        return thread

    def _client(self) -> Any:
        config = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=30)
        return _SESSION.client("kinesis", endpoint_url=self._url, config=config)

    def _write(self, client: Any, name: str) -> None:
        chance = random.Random(f"{self._seed}/{name}")
        next_numbers: Counter[str] = Counter()
        while self._writing.is_set():
            count = chance.choice((1, RECORDS_A_CALL))
            keys = [f"{name}-{chance.randrange(KEYS_EACH)}" for _ in range(count)]
            numbers = []
            for key in keys:
                numbers.append(next_numbers[key])
                next_numbers[key] += 1
            records = [
                {"PartitionKey": key, "Data": b"%d".ljust(RECORD_BYTES) % number}
                for key, number in zip(keys, numbers, strict=True)
            ]
            if count == 1:
                client.put_record(StreamName=STREAM, **records[0])
            else:
                failed = client.put_records(StreamName=STREAM, Records=records)["FailedRecordCount"]
                if failed:
                    with self.account.lock:
                        self.account.errors["records that PutRecords refused"] += failed
            with self.account.lock:
                for key, number in zip(keys, numbers, strict=True):
                    self.account.written.setdefault(key, []).append(number)

    def _read(self, client: Any, _: str) -> None:
        while self._reading.is_set():
            turn = self.lineage.take()
            if turn is None:
                time.sleep(_PAUSE_S)
            else:
                self._read_once(client, turn)

    def _read_once(self, client: Any, turn: Turn) -> None:
        iterator = turn.iterator
        if iterator is None:
            iterator = client.get_shard_iterator(
                StreamName=STREAM, ShardId=turn.shard_id, ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
        answer = client.get_records(ShardIterator=iterator)
        with self.account.lock:
            for record in answer["Records"]:
                self.account.read.setdefault(record["PartitionKey"], []).append(int(record["Data"]))
        following = answer.get("NextShardIterator")
        if following is None:
            for child in answer["ChildShards"]:
                self.lineage.add(child["ShardId"], tuple(child["ParentShards"]))
            self.lineage.end(turn.shard_id)
        else:
            self.lineage.put_back(turn, following, not answer["Records"])
            if not answer["Records"]:
                time.sleep(_PAUSE_S)

    def _reshard(self, client: Any, name: str) -> None:
        chance = random.Random(f"{self._seed}/{name}")
        while self._writing.is_set():
            shards = client.list_shards(StreamName=STREAM, ShardFilter={"Type": "AT_LATEST"})["Shards"]
            shards.sort(key=lambda shard: _range(shard)[0])
            is_split = len(shards) <= FEWEST_SHARDS or (len(shards) < MOST_SHARDS and chance.random() < 0.5)
            if is_split:
                shard = max(shards, key=lambda one: _range(one)[1] - _range(one)[0])
                half = sum(_range(shard)) // 2
                client.split_shard(
                    StreamName=STREAM, ShardToSplit=shard["ShardId"], NewStartingHashKey=str(half)
                )
            else:
                at = chance.randrange(len(shards) - 1)
                client.merge_shards(
                    StreamName=STREAM,
                    ShardToMerge=shards[at]["ShardId"],
                    AdjacentShardToMerge=shards[at + 1]["ShardId"],
                )
            with self.account.lock:
                self.account.splits += is_split
                self.account.merges += not is_split
            self._await_active(client)

    def _await_active(self, client: Any) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while True:
            summary = client.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]
            if summary["StreamStatus"] == "ACTIVE":
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"the stream stays {summary['StreamStatus']}")
            time.sleep(_PAUSE_S)


def run(url: str, seconds: float, seed: int = 1) -> Account:
    """Let twenty clients loose on an endpoint; return what they were told."""
    return Crowd(url, seed).run(seconds)


def _more(these: Mapping[str, list[int]], those: Mapping[str, list[int]]) -> int:
    """Return how many more records the first have than the second, each as often as it is there."""
    return sum((Counter(its) - Counter(those.get(key, []))).total() for key, its in these.items())


def _range(shard: Mapping[str, Any]) -> tuple[int, int]:
    keys = shard["HashKeyRange"]
    return int(keys["StartingHashKey"]), int(keys["EndingHashKey"])
