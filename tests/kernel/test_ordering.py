"""The top of a sorted table is found without sorting it: it must be the same as if it had been."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from kernel.output.ordering import Order


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("kind", ["float", "integer", "few values", "missing", "mostly missing", "dates", "text"])
def test_the_top_of_a_large_table_is_that_of_the_sorted_one(kind: str, descending: bool) -> None:
    random = np.random.default_rng(5)
    values: Any = {
        "float": random.random(20_000),
        "integer": random.integers(-(2**63), 2**63 - 1, 20_000),
        "few values": random.integers(0, 3, 20_000),
        "missing": np.where(random.random(20_000) < 0.5, np.nan, random.random(20_000)),
        "mostly missing": np.where(random.random(20_000) < 0.99, np.nan, random.random(20_000)),
        "dates": pd.Series(pd.to_datetime(random.integers(0, 10**9, 20_000), unit="s")),
        "text": [str(number) for number in random.integers(0, 10**6, 20_000)],
    }[kind]
    column = pd.Series(values)
    expected = column.sort_values(ascending=not descending, kind="stable", na_position="last").index.to_numpy()
    order = Order(column, descending)
    for offset in (0, 50, 950, 960, 19_990, 0):
        assert list(order.positions(offset, 50)) == list(expected[offset : offset + 50])
