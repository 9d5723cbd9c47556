"""What a kernel has of the host, and of other kernels: nothing."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import Any

import pytest

from kernel.launch.local import LocalRuntime
from tests.launch.support import Kernel

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECRET = "s3cr3t-of-the-portal"

LOOK = """
import os, pathlib
links = pathlib.Path("/proc/self/fd")
files = {int(link.name): os.readlink(link) for link in links.iterdir() if os.path.lexists(link)}
own = pathlib.Path("/proc/self/environ").read_bytes().decode().split(chr(0))
try:
    parent = pathlib.Path(f"/proc/{os.getppid()}/environ").read_bytes().decode().split(chr(0))
except OSError:
    parent = []
command = pathlib.Path("/proc/self/cmdline").read_bytes().decode()
print({"files": files, "environment": dict(os.environ), "own": own, "parent": parent, "command": command})
"""


async def look(kernel: Kernel) -> dict[str, Any]:
    found = ast.literal_eval((await kernel.run(LOOK)).stdout)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("fork", [True, False], ids=["forked", "plain"])
async def test_neither_secrets_nor_open_files_of_the_host_reach_a_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fork: bool
) -> None:
    for name in ("CASCADE_SECRET_KEY", "DATABASE_URL", "PGPASSWORD", "PYTHONSTARTUP", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, SECRET)
    private = tmp_path / "of-the-portal.txt"
    private.write_text(SECRET)
    opened = os.open(private, os.O_RDONLY)
    os.set_inheritable(opened, True)
    high = os.dup2(opened, 900, inheritable=True)
    runtime = LocalRuntime(tmp_path / "kernels", modules=("json",), fork=fork)
    try:
        kernel = await Kernel.start(runtime)
        neighbour = await Kernel.start(runtime) if fork else None
        found = await look(kernel)
        assert SECRET not in repr(found)
        assert "of-the-portal" not in repr(found)
        files = {fd: target for fd, target in found["files"].items() if "/proc/" not in target}
        assert files.pop(0) == os.devnull
        kinds = sorted(target.partition(":")[0] if "output-" not in target else "output" for target in files.values())
        outputs = [kind for kind in kinds if kind == "output"]
        sockets = [kind for kind in kinds if kind == "socket"]
        assert len(outputs) == 4, "two streams, written and read"
        assert len(sockets) == 4, "the channel, the lifeline, and a pair to wake itself"
        assert [kind for kind in kinds if kind not in ("output", "socket", os.devnull)] == []
        environment = found["environment"]
        assert environment["HOME"] == environment["PWD"] == str(tmp_path / "kernels/work/session")
        assert set(environment) <= {
            "HOME", "PWD", "TMPDIR", "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH",
            "PYTHONUTF8", "PYTHONNOUSERSITE", "MPLBACKEND", "MPLCONFIGDIR", "SSL_CERT_FILE", "SSL_CERT_DIR",
            "JE_ARROW_MALLOC_CONF",
            "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
            "NUMEXPR_NUM_THREADS", "OMP_NUM_THREADS", "KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK",
        }  # fmt: skip
        if neighbour is not None:
            await neighbour.stop()
        await kernel.stop()
    finally:
        await runtime.close()
        os.close(opened)
        os.close(high)


async def test_the_portals_own_code_is_not_importable_by_name(kernel: Kernel) -> None:
    for module in ("notebooks_app", "notebookproject", "django"):
        outcome = await kernel.run(f"import sys\n'{module}' in sys.modules")
        assert outcome.text == "False"
    assert (await kernel.run("import notebooks_app")).error.name == "ModuleNotFoundError"


async def test_modules_beside_the_notebook_are_importable(kernel: Kernel) -> None:
    await kernel.run("open('helper.py', 'w').write('answer = 42')")
    assert await kernel.value("__import__('helper').answer") == "42"


async def test_each_session_has_a_folder_of_its_own_that_nobody_else_reads(runtime: LocalRuntime) -> None:
    one, other = await Kernel.start(runtime, "one"), await Kernel.start(runtime, "other")
    await one.run("open('mine.txt', 'w').write('mine')")
    assert await other.value("__import__('os').path.exists('mine.txt')") == "False"
    folder = Path(ast.literal_eval(await one.value("__import__('os').getcwd()")))
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "mine.txt").stat().st_mode & 0o077 == 0
    await one.stop()
    await other.stop()


async def test_a_kernel_is_no_part_of_the_hosts_process_group(kernel: Kernel) -> None:
    session = int(await kernel.value("__import__('os').getsid(0)"))
    assert session == kernel.handle.pid != os.getsid(0)


async def test_two_kernels_draw_different_random_numbers(runtime: LocalRuntime) -> None:
    draw = (
        "import numpy, random, uuid, secrets\n"
        "print([numpy.random.rand(), numpy.random.default_rng().random(), random.random(), uuid.uuid4().hex, "
        "secrets.token_hex()])"
    )
    drawn = []
    for _ in range(3):
        kernel = await Kernel.start(runtime)
        drawn.append(ast.literal_eval((await kernel.run(draw)).stdout))
        await kernel.stop()
    for numbers in zip(*drawn, strict=True):
        assert len(set(numbers)) == 3


async def test_what_one_kernel_changes_in_a_library_no_other_sees(runtime: LocalRuntime, kernel: Kernel) -> None:
    await kernel.run("import math, pandas\nmath.pi = 3\npandas.options.display.max_rows = 7\nx = 1")
    other = await Kernel.start(runtime)
    assert (
        await other.run("import math, pandas\nprint(math.pi > 3, pandas.options.display.max_rows)")
    ).stdout == "True 60\n"
    assert (await other.run("x")).error.name == "NameError"
    await other.stop()


async def test_a_crash_leaves_no_core_file(kernel: Kernel) -> None:
    assert await kernel.value("__import__('resource').getrlimit(__import__('resource').RLIMIT_CORE)") == "(0, 0)"
