"""Samples to a Markdown table: medians, p95, ratios, and whether each target is met."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import psutil

from .contestant import Contestant
from .measuring import LIMIT, OURS, PAUSE, Measure, Outcome, Row, Series, Target

SCALE = {"ms": 1000.0, "MiB": 1.0}


class Results:
    """What all rows of a run gave."""

    def __init__(self) -> None:
        self._outcome: Outcome = {}
        self._measures: list[Measure] = []

    def add(self, row: Row, outcome: Outcome) -> None:
        self._outcome |= outcome
        self._measures += row.measures

    def table(self, contestants: Sequence[Contestant]) -> str:
        peers = [each for each in contestants if each.name != OURS]
        head = ["measure", *(each.title for each in peers), "bare limit", "**Cascade**", "target", "reached"]
        lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
        for each in self._measures:
            cells = [self._name(each), *(self._shown(each, peer.name) for peer in peers)]
            cells += [self._shown(each, LIMIT), f"**{self._shown(each, OURS)}**", *self._targets(each)]
            lines.append("| " + " | ".join(cells) + " |")
        return "\n".join(lines)

    def _name(self, measure: Measure) -> str:
        return f"{measure.title} (`{measure.name}`{', ' + measure.unit if measure.unit != 'ms' else ''})"

    def _shown(self, measure: Measure, contestant: str) -> str:
        series = self._outcome[measure.name].get(contestant)
        if series is None or series.median is None:
            return series.cannot if series is not None else ""
        text = f"{number(series.median * SCALE[measure.unit])} ({number((series.p95 or 0) * SCALE[measure.unit])})"
        return f"{text} {measure.limit}".strip() if contestant == LIMIT else text

    def _targets(self, measure: Measure) -> tuple[str, str]:
        judged = [self._judge(measure, target) for target in measure.targets]
        return "; ".join(each[0] for each in judged), "; ".join(each[1] for each in judged)

    def _judge(self, measure: Measure, target: Target) -> tuple[str, str]:
        """The target in words, and the ratio with a verdict."""
        ours = self._median(measure.name, OURS)
        if not target.of:
            words = f"at most {number(target.at_most)} {measure.unit}"
            return words, "" if ours is None else verdict(ours * SCALE[measure.unit], target.at_most, measure.unit)
        other = self._median(target.measure or measure.name, target.of)
        what = {LIMIT: "the limit", OURS: f"our `{target.measure}`"}.get(target.of, target.of)
        words = f"{fraction(target.at_most)} of {what}" if target.at_most < 1 else f"{target.at_most:g}x {what}"
        if ours is None or not other:
            return words, "not measured"
        return words, verdict(ours / other, target.at_most, "x" if target.at_most >= 1 else f" of {what}")

    def _median(self, measure: str, contestant: str) -> float | None:
        return self._outcome.get(measure, {}).get(contestant, Series()).median

    def notes(self) -> str:
        lines = []
        for each in self._measures:
            samples = ", ".join(
                f"{name} {len(series.samples)}" for name, series in self._outcome[each.name].items() if series.samples
            )
            note = f"; {each.note}" if each.note else ""
            lines.append(f"- `{each.name}`: {each.warmups} warm-ups, samples: {samples}{note}.")
        return "\n".join(lines)


def verdict(ratio: float, at_most: float, unit: str) -> str:
    shown = fraction(ratio) + unit if at_most < 1 and unit != "MiB" else f"{number(ratio)}{unit}"
    return f"{'yes' if ratio <= at_most else '**no**'}: {shown}"


def fraction(ratio: float) -> str:
    """0.04 -> 1/25."""
    return f"1/{1 / ratio:.3g}" if ratio < 1 else f"{ratio:.2g} times"


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2g}"


def machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{_processor()}, {psutil.cpu_count()} cores, {memory:.0f} GiB of memory, {platform.system()} "
        f"{platform.release().split('-')[0]}, Python {platform.python_version()}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


NOTE = "## What stands in the way"
"""Begins the part that people write: it is kept when the rest is written anew."""


def document(results: Results, contestants: Sequence[Contestant], before: str) -> str:
    """The page; `before` is what it was until now."""
    versions = "\n".join(f"- {each.versions()}" for each in contestants)
    _, note, kept = before.partition(NOTE)
    text = _TEXT.format(
        table=results.table(contestants),
        notes=results.notes(),
        machine=machine(),
        versions=versions,
        date=date.today().isoformat(),
        pause=round(PAUSE * 1000),
    )
    return f"{text}\n{note}{kept}" if note else text


_TEXT = """\
# Benchmarks

Written by `make bench`; `make bench ROW=name` runs one line, `make bench LIST=1` names them. Times are milliseconds:
the median, and p95 in parentheses. Compare ratios, not digits.

{table}

## How it was measured

On {machine}; {date}.

{versions}

One run, one client (Python, asyncio, `websockets`), all servers on the loopback interface at the same time. In each
round each contestant takes one sample after the other, the bare limit among them, each after {pause} ms of silence.
Each is spoken to as its own front end speaks: marimo by its editor's socket and HTTP calls, Jupyter by its REST
interface and a kernel's socket (as JupyterLab), Cascade by its page's socket, which receives outputs as HTML. What we
report is stored in PostgreSQL before it is told; marimo and Jupyter store only where they save. Servers, kernels and
the process that kernels are forked from are warm; where a row opens a notebook, that notebook has no kernel yet.

{notes}
"""
