"""Libraries that run threads of their own, in kernels that were forked."""

from __future__ import annotations

import asyncio

import pytest

from kernel.launch.local import LocalRuntime
from tests.launch.support import Kernel

pytestmark = pytest.mark.asyncio(loop_scope="session")

USES = {
    "numpy": "import numpy as np\na = np.eye(300) * 2\nround(float(np.trace(np.linalg.solve(a, np.eye(300)) @ a)))",
    "pyarrow": "import pyarrow as pa, pyarrow.compute as pc\n"
    "t = pa.table({'k': [i % 7 for i in range(70_000)], 'v': range(70_000)})\n"
    "g = t.group_by('k').aggregate([('v', 'sum')])\n"
    "pc.sum(g['v_sum']).as_py() // 8166550 + (pc.sum(t['v']).as_py() == 2449965000)",
    "pyarrow csv": "import pyarrow.csv, io\n"
    "text = 'a,b\\n' + '1,2\\n' * 300_000\n"
    "pyarrow.csv.read_csv(io.BytesIO(text.encode())).num_rows // 1000",
    "parquet": "import pandas as pd\n"
    "pd.DataFrame({'a': range(300)}).to_parquet('p.parquet')\nlen(pd.read_parquet('p.parquet'))",
    "duckdb": "import duckdb\n"
    "duckdb.sql('SELECT count(*) AS n FROM range(2_000_000) WHERE range % 6667 = 0').fetchall()[0][0]",
    "matplotlib": "import matplotlib.pyplot as plt, io\nfig, ax = plt.subplots()\nax.plot([1, 2])\n"
    "out = io.BytesIO()\nfig.savefig(out)\nplt.close(fig)\n300 * (out.getvalue()[:4] == b'\\x89PNG')",
    "plotly": "import plotly.express as px\n"
    "fig = px.scatter(x=list(range(300)), y=list(range(300)))\n"
    "assert 'scatter' in fig.to_json()\nlen(fig.data[0].x)",
    "scipy": "import numpy as np, scipy.fft, scipy.linalg\n"
    "x = np.random.default_rng(1).normal(size=(300, 256))\n"
    "back = scipy.fft.irfft(scipy.fft.rfft(x, workers=4), n=256, workers=4)\n"
    "assert np.allclose(x, back) and scipy.linalg.svdvals(x).size == 256\nback.shape[0]",
    "scikit-learn": "import numpy as np\nfrom sklearn.cluster import KMeans\n"
    "from sklearn.ensemble import RandomForestClassifier\n"
    "x = np.random.default_rng(1).normal(size=(600, 4)); y = x[:, 0] > 0\n"
    "forest = RandomForestClassifier(20, n_jobs=4, random_state=1).fit(x, y)\n"
    "assert KMeans(3, n_init=2, random_state=1).fit(x).labels_.size == 600\n"
    "300 if forest.score(x, y) > 0.95 else forest.score(x, y)",
    "polars": "import polars as pl\n"
    "f = pl.DataFrame({'k': [i % 300 for i in range(90_000)], 'v': range(90_000)})\n"
    "g = f.lazy().group_by('k').agg(pl.col('v').sum()).sort('k').collect()\n"
    "assert g['v'].sum() == sum(range(90_000))\ng.height",
    "sqlalchemy": "import sqlalchemy as sa\nfrom concurrent.futures import ThreadPoolExecutor\n"
    "engine = sa.create_engine('sqlite:///base.db')\n"
    "with engine.begin() as c:\n"
    "    c.execute(sa.text('CREATE TABLE IF NOT EXISTS t (v INTEGER)')); c.execute(sa.text('DELETE FROM t'))\n"
    "    c.execute(sa.text('INSERT INTO t VALUES (:v)'), [{'v': v} for v in range(300)])\n"
    "def count(_):\n"
    "    with engine.connect() as c: return c.execute(sa.text('SELECT count(*) FROM t')).scalar()\n"
    "with ThreadPoolExecutor(4) as pool: counts = set(pool.map(count, range(8)))\nengine.dispose()\ncounts.pop()",
    "threads": "from concurrent.futures import ThreadPoolExecutor\n"
    "with ThreadPoolExecutor(8) as pool: total = sum(pool.map(lambda x: x, range(25)))\ntotal",
    "processes": "import multiprocessing\n"
    "def double(x): return 2 * x\n"
    "with multiprocessing.get_context('fork').Pool(2) as pool: total = sum(pool.map(double, range(18)))\ntotal - 6",
    "asyncio": "import asyncio\nawait asyncio.to_thread(lambda: sum(range(25)))",
}
EXPECTED = {"threads": "300", "processes": "300", "asyncio": "300", "pyarrow": "301"}


@pytest.mark.parametrize("name", USES)
async def test_a_library_works_in_two_kernels_at_once_and_again(
    runtime: LocalRuntime, kernel: Kernel, name: str
) -> None:
    other = await Kernel.start(runtime, "other")
    for _ in range(2):
        outcomes = await asyncio.gather(kernel.run(USES[name]), other.run(USES[name]))
        assert [outcome.text for outcome in outcomes] == [EXPECTED.get(name, "300")] * 2
    await other.stop()
