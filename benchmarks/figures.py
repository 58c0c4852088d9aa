"""What a benchmark says: a figure, what it stands against in the same run, and the bar it has to clear."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`value` and `bar` in the same unit; `against` names the baseline. Lower is better throughout."""

    name: str
    value: float
    unit: str
    bar: float
    against: str
    detail: str = ""

    @property
    def met(self) -> bool:
        return self.value <= self.bar

    def __str__(self) -> str:
        verdict = "ok  " if self.met else "MISS"
        return (
            f"{verdict} {self.name:<44} {self.value:>10.4g} {self.unit:<3} bar {self.bar:<8.4g} vs {self.against}"
            + (f"  ({self.detail})" if self.detail else "")
        )
