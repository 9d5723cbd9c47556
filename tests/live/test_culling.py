"""Times in words, and how often it is looked."""

from __future__ import annotations

import pytest

from notebooks_app.live.culling import LONGEST, Limits
from notebooks_app.live.reasons import duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1800, "30 minutes"), (3600, "1 hour"), (5400, "90 minutes"), (86400, "1 day"), (172800, "2 days"),
        (90, "90 seconds"), (1, "1 second"), (0.5, "0.5 seconds"), (61.5, "61.5 seconds"),
    ],
)  # fmt: skip
def test_a_time_is_said_in_the_largest_unit_that_fits(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_it_is_looked_often_enough_for_the_shorter_limit_and_never_is_not_a_limit() -> None:
    assert Limits(unwatched=2, watched=0).pause == 0.5
    assert Limits(unwatched=1800, watched=4).pause == 1
    assert Limits(unwatched=0, watched=0).pause == LONGEST
