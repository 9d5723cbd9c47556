"""The harness: who takes samples when, and what they amount to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from benchmarks.contestant import Cannot
from benchmarks.measuring import LIMIT, OURS, Measure, Row, Sample, Series, Target, measure
from benchmarks.report import NOTE, Results, document, fraction, number, verdict
from benchmarks.rows import ROWS, find


class Somebody:
    def __init__(self, name: str) -> None:
        self.name = self.title = name

    def versions(self) -> str:
        return f"{self.name} 1.0"


class Counted(Row):
    """Writes down who takes which sample."""

    name = "counted"
    measures = (Measure("first", "First", 2, 1, targets=(Target(1 / 2),)), Measure("second", "Second", 1, 0))

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[str] = []

    async def setup(self, contestant: Any, stack: AsyncExitStack) -> dict[str, Sample]:
        if contestant.name == "unable":
            raise Cannot("knows no cells")
        return {each.name: self._sampler(contestant.name, each.name) for each in self.measures}

    async def limit(self, ours: Any, stack: AsyncExitStack) -> dict[str, Sample]:
        return {"second": self._sampler(LIMIT, "second")}

    def _sampler(self, who: str, what: str) -> Sample:
        async def sample() -> float:
            self.taken.append(f"{who} {what}")
            return {OURS: 0.003, "marimo": 0.004}.get(who, 0.001)

        return sample


async def test_everybody_takes_a_sample_in_each_round() -> None:
    row = Counted()
    everybody: Sequence[Any] = [Somebody("marimo"), Somebody("unable"), Somebody(OURS)]
    outcome = await measure(row, everybody)
    first = ["marimo first", f"{OURS} first"]
    assert row.taken == [*first, "marimo second", f"{OURS} second", f"{LIMIT} second", *first, *first]
    assert outcome["first"][OURS].samples == [0.003, 0.003]  # the warm-up is thrown away
    assert outcome["first"]["unable"].cannot == "knows no cells"

    results = Results()
    results.add(row, outcome)
    _, _, line, _ = results.table(everybody).split("\n")
    assert line == (
        "| First (`first`) | 4 (4) | knows no cells |  | **3 (3)** | 1/2 of marimo | **no**: 1/1.33 of marimo |"
    )


async def test_what_people_wrote_is_kept_when_the_page_is_written_anew() -> None:
    row, everybody = Counted(), [Somebody("marimo"), Somebody(OURS)]
    results = Results()
    results.add(row, await measure(row, everybody))  # type: ignore[arg-type]
    first = document(results, everybody, "")  # type: ignore[arg-type]
    assert "| First (`first`) |" in first and "- marimo 1.0" in first and NOTE not in first
    noted = document(results, everybody, f"an old table\n\n{NOTE}\n\nThe disk.\n")  # type: ignore[arg-type]
    assert noted == f"{first}\n{NOTE}\n\nThe disk.\n"


def test_medians_and_p95() -> None:
    series = Series(samples=[float(each) for each in range(100, 0, -1)])
    assert (series.median, series.p95) == (50.5, 95)
    assert (Series().median, Series().p95) == (None, None)


@pytest.mark.parametrize(("value", "text"), [(1234.5, "1,234"), (12.34, "12.3"), (1.234, "1.2"), (0.01234, "0.012")])
def test_numbers_have_as_many_digits_as_mean_something(value: float, text: str) -> None:
    assert number(value) == text


def test_verdicts() -> None:
    assert verdict(1.1, 1.2, "x") == "yes: 1.1x"
    assert verdict(1.3, 1.2, "x") == "**no**: 1.3x"
    assert verdict(0.01, 1 / 50, " of marimo") == "yes: 1/100 of marimo"
    assert fraction(2.5) == "2.5 times"


def test_rows_are_found_by_their_own_name_and_by_that_of_a_measure() -> None:
    assert [row.name for row in find("edit_1000")] == [row.name for row in find("edit")] == ["edit"]
    assert find("nothing") == []
    measures = [each.name for row in ROWS for each in row().measures]
    assert len(set(measures)) == len(measures)
    targets = [target for row in ROWS for each in row().measures for target in each.targets]
    assert all(not target.measure or target.measure in measures for target in targets)
