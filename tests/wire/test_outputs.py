"""Parts of outputs at their own addresses, and pages of tables, from a live kernel."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.support.portal import Portal
from tests.support.world import World

from .conftest import Connect

OUTPUTS = """
from IPython.display import HTML, SVG
from PIL import Image
display(HTML("<script>document.title = 'x'</script>"))
display(SVG('<svg xmlns="http://www.w3.org/2000/svg"/>'))
display(Image.new("RGB", (8, 8)))
"""


def get(portal: Portal, address: str, cookie: str) -> Any:
    request = urllib.request.Request(portal.url + address, headers={"Cookie": f"sessionid={cookie}"})
    return urllib.request.urlopen(request, timeout=20)


async def test_outputs_have_an_origin_of_their_own_and_the_notebooks_readers(
    world: World, connect: Connect, portal: Portal
) -> None:
    notebook = world.notebook(OUTPUTS)
    (cell,) = world.cells(notebook)
    client = await connect(notebook)
    await client.run(cellId=cell)
    outputs = client.last("cell_output", cell)["outputs"]
    kinds = {}
    for path, key in outputs.items():
        response = get(portal, f"/outputs/{key}/", world.cookie("reader"))
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox allow-scripts;") and "allow-same-origin" not in policy
        assert "frame-ancestors 'self'" in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        kinds[path.partition("/")[2]] = response.headers["Content-Type"].partition(";")[0]
        for cookie in (world.cookie("stranger"), "nonsense"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                address = get(portal, f"/outputs/{key}/", cookie).url
                raise urllib.error.HTTPError(address, 302 if "login" in address else 200, "", None, None)  # type: ignore[arg-type]
            assert refused.value.code in (302, 404)
    assert kinds["text/html"] == kinds["image/svg+xml"] == "text/html"
    assert kinds["image/png"] == "image/png"
    await client.run(cellId=cell)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(portal, f"/outputs/{next(iter(outputs.values()))}/", world.cookie("owner"))


async def test_pages_of_a_table(world: World, connect: Connect, portal: Portal) -> None:
    notebook = world.notebook("import pandas as pd\npd.DataFrame({'n': range(500)})")
    (cell,) = world.cells(notebook)
    client = await connect(notebook)
    await client.run(cellId=cell)
    table = client.last("cell_output", cell)["output"]["application/vnd.cascade.table+json"]
    assert table["total"] == 500 and len(table["rows"]) < 500
    address = f"/cells/{cell}/rows/?table={table['id']}&offset=450&limit=50"
    html = get(portal, address, world.cookie("reader")).read().decode()
    assert re.findall(r'<td class="number">(\d+)</td>', html) == [str(n) for n in range(450, 500)]
    html = get(portal, address.replace("450", "0") + "&sort=1&descending=1", world.cookie("reader")).read().decode()
    assert re.search(r'<td class="number">(\d+)</td>', html)[1] == "499"  # type: ignore[index]
    await client.request("restart_kernel", runAll=False)
    html = get(portal, address, world.cookie("reader")).read().decode()
    assert "run the cell again" in html
