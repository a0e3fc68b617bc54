"""Kills an emulator that keeps its data, at random moments while it is written to, and looks for losses.

    python -m tests.emulator.kinesis.persistence.durability --times 20

Each round starts it on the folder of the round before, checks that all records acknowledged so far are there
and that no sequence number was given twice, lets clients write (single records, batches, streams made, split
and deleted), and kills it with SIGKILL. The seed decides the writes and the moments, not their interleaving.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from emulator.kafka.ports import free_port

WRITERS = 4
START_DEADLINE_S = 20.0
LIFE_S = (0.1, 1.5)
_SESSION = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test")


@dataclass
class Acknowledged:
    """What clients were told: sequence numbers by stream, with the records' data."""

    streams: dict[str, dict[str, bytes]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def count(self) -> int:
        """How many records were acknowledged in streams that are to be there."""
        return sum(len(records) for name, records in self.streams.items() if name not in self.deleted)


@dataclass
class Found:
    """What came of all rounds."""

    rounds: int = 0
    acknowledged: int = 0
    missing: int = 0
    wrong: int = 0
    twice: int = 0
    unacknowledged: int = 0
    streams_missing: int = 0

    @property
    def is_whole(self) -> bool:
        """Say whether nothing was lost, changed or doubled."""
        return not (self.missing or self.wrong or self.twice or self.streams_missing)


def check(times: int, folder: Path, seed: int = 1) -> Found:
    """Kill an emulator so many times, and say what was found after each."""
    told, found, chance = Acknowledged(), Found(), random.Random(seed)
    for at in range(times):
        with _emulator(folder) as (process, url):
            _look(url, told, found)
            writers = [
                threading.Thread(target=_write, args=(url, told, random.Random(f"{seed}/{at}/{writer}")))
                for writer in range(WRITERS)
            ]
            for writer in writers:
                writer.start()
            time.sleep(chance.uniform(*LIFE_S))  # the moment of the kill: this is no test that waits
            process.send_signal(signal.SIGKILL)
            for writer in writers:
                writer.join()
        found.rounds += 1
    with _emulator(folder) as (_, url):
        _look(url, told, found)
    found.acknowledged = told.count
    return found


@contextmanager
def _emulator(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    command = [sys.executable, "-m", "streams.cli", "emulate", "--port", str(port), "--data-dir", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            _await_health(process, f"http://127.0.0.1:{port}")
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def _await_health(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    while True:
        try:
            urllib.request.urlopen(f"{url}/_vpcflow/limits", timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                assert process.stderr is not None
                process.kill()
                raise AssertionError(f"did not start: {process.stderr.read().decode()}") from None
            time.sleep(0.02)
        else:
            return


def _client(url: str) -> Any:
    config = Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=10)
    return _SESSION.client("kinesis", "us-east-1", endpoint_url=url, config=config)


def _write(url: str, told: Acknowledged, chance: random.Random) -> None:
    """Write until the server is gone; note what it has acknowledged."""
    client = _client(url)
    try:
        while True:
            try:
                _one_call(client, told, chance)
            except ClientError:
                continue  # another writer has split or deleted it
            except BotoCoreError:
                return
    finally:
        client.close()


def _one_call(client: Any, told: Acknowledged, chance: random.Random) -> None:
    with told.lock:
        names = sorted(told.streams.keys() - told.deleted)
    what = chance.random()
    if len(names) < 2 or (what < 0.01 and len(names) < 8):
        name = f"s{chance.getrandbits(64):016x}"
        client.create_stream(StreamName=name, ShardCount=chance.randint(1, 4))
        with told.lock:
            told.streams[name] = {}
        return
    name = chance.choice(names)
    if what < 0.02:
        shards = client.list_shards(StreamName=name)["Shards"]
        if not shards:
            return  # it is being made
        shard = chance.choice(shards)
        low, high = (int(shard["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending"))
        client.split_shard(
            StreamName=name, ShardToSplit=shard["ShardId"], NewStartingHashKey=str((low + high + 1) // 2)
        )
    elif what < 0.025 and len(names) > 4:
        with told.lock:
            told.deleted.add(name)  # asked for: it may be gone from here on
        client.delete_stream(StreamName=name)
    elif what < 0.5:
        data = chance.randbytes(chance.randint(1, 2000))
        answer = client.put_record(StreamName=name, PartitionKey=str(chance.random()), Data=data)
        _note(told, name, [(answer["SequenceNumber"], data)])
    else:
        many = [chance.randbytes(1024) for _ in range(chance.choice((2, 20, 500)))]
        records = [{"PartitionKey": str(chance.random()), "Data": data} for data in many]
        answer = client.put_records(StreamName=name, Records=records)
        entries = zip(answer["Records"], many, strict=True)
        _note(told, name, [(entry["SequenceNumber"], data) for entry, data in entries])


def _note(told: Acknowledged, name: str, records: list[tuple[str, bytes]]) -> None:
    with told.lock:
        told.streams[name].update(records)


def _look(url: str, told: Acknowledged, found: Found) -> None:
    """Compare what is there with what was acknowledged."""
    client = _client(url)
    there = set(client.list_streams(Limit=10_000)["StreamNames"])
    for name, records in told.streams.items():
        if name in told.deleted:
            continue
        if name not in there:
            found.streams_missing += 1
            continue
        read = list(_read(client, name))
        by_number = dict(read)
        found.twice += len(read) - len(by_number)
        found.missing += sum(number not in by_number for number in records)
        found.wrong += sum(by_number.get(number, data) != data for number, data in records.items())
        found.unacknowledged += len(by_number.keys() - records.keys())
        # What the kill has kept from being acknowledged is there all the same, and must stay.
        records.update(by_number)
    client.close()


def _read(client: Any, name: str) -> Iterator[tuple[str, bytes]]:
    for shard in client.list_shards(StreamName=name)["Shards"]:
        iterator = client.get_shard_iterator(
            StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            answer = client.get_records(ShardIterator=iterator)
            yield from ((record["SequenceNumber"], record["Data"]) for record in answer["Records"])
            iterator = answer.get("NextShardIterator") if answer["MillisBehindLatest"] else None


def main() -> None:
    """Run by hand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        found = check(options.times, Path(folder) / "data", options.seed)
        size = (Path(folder) / "data" / "data.mdb").stat().st_blocks * 512
    print(f"{found} in {time.monotonic() - began:.1f} s; the folder held {size / 1e6:.0f} MB")
    sys.exit(0 if found.is_whole else 1)


if __name__ == "__main__":
    main()
