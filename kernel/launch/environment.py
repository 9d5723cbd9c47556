"""The environment of kernels: built from a list, so that nothing of the portal's own (its secrets) is in it."""

from __future__ import annotations

import os
from pathlib import Path

PASSED_ON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LC_NUMERIC",
    "TZ",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)

# One thread of linear algebra per kernel: many kernels share the machine, and these libraries start their threads
# when they are imported, which the process that forks must not. Arrow and DuckDB start theirs in the kernel itself.
ONE_THREAD = (
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
)

COMMON = (
    "numpy", "pandas", "pyarrow", "pyarrow.compute", "pyarrow.ipc", "matplotlib", "matplotlib.figure",
    "plotly", "plotly.express", "plotly.graph_objects", "plotly.io", "duckdb", "IPython.display", "asyncio",
)  # fmt: skip
"""Modules that every kernel has imported already (a setting may replace them)."""


def clean_environment(cache: Path) -> dict[str, str]:
    """Variables for a zygote or kernel; `cache` is a directory for what libraries cache between kernels (fonts)."""
    return {
        **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        **dict.fromkeys(ONE_THREAD, "1"),
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        "HOME": str(cache),
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": str(cache / "matplotlib"),
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
    }
