"""A program that sees the packages of the production lock and no others, as in the production image.

Without arguments, it imports every module of the production processes, prints each one that cannot be
imported, and exits with 1 if there is one. With arguments, it runs that `vpcflow` subcommand.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.metadata import packages_distributions
from types import ModuleType

from packaging.utils import canonicalize_name

from tests.packaging.locks import PRODUCTION, pins

NOT_IN_PRODUCTION = (
    "streams.replay",
    "streams.commands.emulate",
    "streams.commands.world",
    "streams.web.build",
)


class OnlyLocked:
    """A finder that hides each installed package that the production lock does not name."""

    def __init__(self, *others: str) -> None:
        locked = pins(PRODUCTION).keys()
        hidden = {
            module
            for module, names in packages_distributions().items()
            if not any(canonicalize_name(name) in locked for name in names)
        }
        self._hidden = (hidden | set(others)) - {"connectors", "streams"}

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Raise `ModuleNotFoundError` for a hidden package; leave all others to the next finder."""
        if name.partition(".")[0] in self._hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


def import_all() -> int:
    """Import the modules of the production processes; return how many failed."""
    import connectors
    import streams

    sys.meta_path.insert(0, OnlyLocked("emulator"))
    names = [
        module.name
        for package in (connectors, streams)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not module.name.startswith(NOT_IN_PRODUCTION)
    ]
    failed = 0
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            failed += 1
            print(f"{name}: {error}")
    return failed


def run_command() -> None:
    """Run `vpcflow` with the arguments of this program."""
    sys.meta_path.insert(0, OnlyLocked())
    from streams.cli import main

    main(prog_name="vpcflow")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run_command()
    else:
        sys.exit(1 if import_all() else 0)
