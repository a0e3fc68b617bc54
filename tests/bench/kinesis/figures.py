"""A measured number beside its target, and the table of all of them. Pure, but for the printing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tests.bench.results import Result

_TO_TARGET = "target"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number. What is judged is its ratio to another figure if it has one, else the number itself.

    Without a target it is there to be read, or for another to be compared with.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    other: Figure | None = None
    is_at_most: bool = True

    @property
    def judged(self) -> float:
        """What stands beside the target."""
        return self.value if self.other is None else self.value / self.other.value

    @property
    def is_missed(self) -> bool:
        """Whether it is worse than its target."""
        if self.target is None:
            return False
        return self.judged > self.target if self.is_at_most else self.judged < self.target

    def as_result(self) -> Result:
        """Return it as tools read it: a number judged by itself has its ratio to the target."""
        if self.other is not None:
            ratio_to, ratio = self.other.name, self.judged
        elif self.target:
            ratio_to, ratio = _TO_TARGET, self.value / self.target
        else:
            ratio_to, ratio = self.name, 1.0
        return {"value": self.value, "unit": self.unit, "ratio_to": ratio_to, "ratio": ratio}


def at_most(name: str, value: float, unit: str, target: float) -> Figure:
    """Return a number that is to be small."""
    return Figure(name, value, unit, target)


def at_least(name: str, value: float, unit: str, target: float, other: Figure) -> Figure:
    """Return a number that is to be so many times another."""
    return Figure(name, value, unit, target, other, is_at_most=False)


def show(console: Console, figures: Iterable[Figure], title: str) -> None:
    """Print the table."""
    table = Table("figure", "value", "unit", "is to be", "is", "", title=title, title_justify="left")
    for each in figures:
        table.add_row(each.name, _number(each.value), each.unit, *_judgement(each))
    console.print(table)


def _judgement(figure: Figure) -> tuple[str, str, str]:
    if figure.target is None:
        return "", "", ""
    sign, times = "≤" if figure.is_at_most else "≥", f" × {figure.other.name}" if figure.other else ""
    verdict = "[red]MISSED[/red]" if figure.is_missed else "[green]ok[/green]"
    return f"{sign} {_number(figure.target)}{times}", _number(figure.judged), verdict


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"
