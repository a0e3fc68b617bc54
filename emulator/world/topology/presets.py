"""The topologies of this package: `small` and `shop` are files, `estate` is computed."""

from __future__ import annotations

from importlib.resources import files

from emulator.world.topology.estate import estate
from emulator.world.topology.file import read
from emulator.world.topology.model import Topology

PRESETS = ("small", "shop", "estate")


def preset(name: str) -> Topology:
    """Return a preset. Raises KeyError for an unknown name."""
    if name not in PRESETS:
        raise KeyError(name)
    if name == "estate":
        return estate()
    file = files("emulator.world.topology").joinpath("presets", f"{name}.yaml")
    return read(file.read_text("utf-8"), f"{name}.yaml")
