"""The helpers' assertions explain themselves as those of tests do."""

import pytest

pytest.register_assert_rewrite("tests.rendering.page", "tests.rendering.dom")
