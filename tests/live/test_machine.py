"""50,000 steps of the state machine over the whole reducer; `make soak` makes as many more as there is time for."""

from __future__ import annotations

import pytest

from .soak import explore

NOTEBOOKS = 8
STEPS = 50_000 // NOTEBOOKS
EXAMPLES = 60
"""Lives of a notebook between two looks at the count."""


@pytest.mark.parametrize("number", range(NOTEBOOKS))
def test_what_you_see_is_what_the_code_says_whatever_happened(number: int) -> None:
    made = rounds = 0
    while made < STEPS:
        made += explore(1000 * number + rounds, EXAMPLES)
        rounds += 1
