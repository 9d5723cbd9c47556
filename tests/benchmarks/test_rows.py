"""Every row of the benchmark works: once, as small as it can be, for us and the limit. Times are not judged."""

from __future__ import annotations

import pytest

from benchmarks.measuring import LIMIT, OURS, Row, measure
from benchmarks.peers.cascade import Cascade
from benchmarks.report import Results
from benchmarks.rows import ROWS
from notebookproject.postgres import EmbeddedPostgres
from tests.support import browser as chromium
from tests.support.portal import Portal
from tests.support.world import World


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_a_row_measures_us_and_its_limit(
    row: type[Row], portal: Portal, world: World, postgres: EmbeddedPostgres
) -> None:
    if row.name == "open_page_200" and chromium.find() is None:
        pytest.skip(f"No Chromium was found: {chromium.ADVICE}.")
    ours = Cascade(portal.url, world, postgres.url("postgres"))
    small = row(tiny=True)
    outcome = await measure(small, [ours])
    for each in small.measures:
        names = {OURS, LIMIT} if each.limit else {OURS}
        assert {name for name, series in outcome[each.name].items() if series.samples} == names
        assert all(0 < series.samples[0] < 10_000 for series in outcome[each.name].values())
    results = Results()
    results.add(small, outcome)
    assert f"`{small.measures[0].name}`" in results.table([ours])
