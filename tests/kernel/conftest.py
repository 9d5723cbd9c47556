"""Real kernels, as in tests/launch."""

from __future__ import annotations

from tests.launch.conftest import kernel, runtime

__all__ = ["kernel", "runtime"]
