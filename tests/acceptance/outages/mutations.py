"""Mutations of the watermark: the outage test must fail when a hold is taken out of the code.

`python -m tests.acceptance.outages.mutations` makes a copy of the checkout for each mutation, changes one
place in it, and runs an outage there. A mutation that the outage does not notice is printed, and is the exit
status.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
COPIED = ("connectors", "streams", "emulator", "tests")
DEADLINE_S = 400


@dataclass(frozen=True, slots=True)
class Mutation:
    """One place of the code, what it becomes, and the outage that must notice."""

    name: str
    path: str
    old: str
    new: str
    outage: tuple[str, ...]


HELD = "held = [one.complete_to for one in self.sources]"
MUTATIONS = (
    Mutation(
        "an unread shard does not hold",
        "connectors/progress.py",
        HELD,
        "held = [one.complete_to for one in self.sources if one.state != UNREAD] or [self.caught_up_to]",
        ("--hours", "6", "--first-start", "--stuck-s", "15", "--interfaces", "20"),
    ),
    Mutation(
        "a shard that is behind does not hold",
        "connectors/progress.py",
        HELD,
        "held = [one.complete_to for one in self.sources if one.state != BEHIND] or [self.newest]",
        ("--hours", "20", "--shards", "2", "--slots", "2", "--busy", "400", "--quiet", "4", "--first-start"),
    ),
    Mutation(
        "a parent shard does not hold until its children have begun",
        "connectors/progress.py",
        HELD,
        "held = [one.complete_to for one in self.sources if one.state != ENDED] or [self.newest]",
        ("--hours", "6", "--shards", "3", "--connectors", "2", "--reshards", "2", "--interfaces", "20"),
    ),
    Mutation(
        "a slot without a live connector does not hold",
        "connectors/progress.py",
        "        if self.caught_up or not self.sources:\n            held.append(self.caught_up_to)\n",
        "        held.append(1 << 40)\n",
        ("--hours", "2", "--shards", "8"),
    ),
)


def is_noticed(mutation: Mutation) -> bool:
    """Return whether an outage on the changed code is not exact."""
    with tempfile.TemporaryDirectory() as folder:
        for name in COPIED:
            shutil.copytree(ROOT / name, Path(folder, name), ignore=shutil.ignore_patterns("node_modules"))
        changed = Path(folder, mutation.path)
        text = changed.read_text()
        assert text.count(mutation.old) == 1, f"{mutation.path} has changed: mend the mutation"
        changed.write_text(text.replace(mutation.old, mutation.new))
        command = [sys.executable, "-m", "tests.acceptance.outages.outage", *mutation.outage]
        env = {**os.environ, "PYTHONPATH": folder}
        done = subprocess.run(
            command, cwd=folder, env=env, timeout=DEADLINE_S, check=False, stdout=subprocess.PIPE, text=True
        )
        print(done.stdout, end="")
        return "NOT EXACT" in done.stdout  # An outage that fails to run has noticed nothing.


def main() -> None:
    """Run every mutation, and exit with the number that went unnoticed."""
    unnoticed = 0
    for mutation in MUTATIONS:
        noticed = is_noticed(mutation)
        unnoticed += not noticed
        print(f"{'noticed  ' if noticed else 'UNNOTICED'}  {mutation.name}", flush=True)
    sys.exit(unnoticed)


if __name__ == "__main__":
    main()
