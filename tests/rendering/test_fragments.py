"""Old page + fragments sent = the page rendered afresh, whatever happens (Zulip's `verify_action`)."""

from __future__ import annotations

import json
import random
import uuid

import pytest

from notebooks_app.live import operations as op
from notebooks_app.live.effects import Rejected
from tests.live.harness import ANALYST

from .watched import Watched

PNG = {
    "image/png": b"\x89PNG",
    "text/plain": "<Figure>",
    "application/vnd.cascade.size+json": {"width": 4, "height": 3},
}


@pytest.fixture
def session() -> Watched:
    """`watched` compares after every operation: most tests only have to make something happen."""
    return Watched()


def test_runs(session: Watched) -> None:
    a = session.create("a = 1")
    b = session.create("b = a + 1")
    session.create("markdown = 3", cell_type="markdown")
    session.run(a)
    session.run()
    assert session.status(b) == "success"


def test_failures_and_whom_they_block(session: Watched) -> None:
    a = session.create("a = 1 / 0")
    b = session.create("b = a")
    session.run()
    assert session.status(b) == "blocked"
    session.edit(a, "a = 1")
    session.run()
    assert session.status(b) == "success"


def test_streams(session: Watched) -> None:
    cell = session.create("x = 1")
    for _ in range(2):
        session.ask(cell)
        session.begin()
        session.prints("one\n")
        session.prints("two <b>\n")
        session.prints("three\n", "stderr")
        session.prints("four")
        session.end()


@pytest.mark.parametrize(
    "texts",
    [
        ["10%\r", "20%\r", "30%\n", "done"],
        ["\r10%", "\r20%", "\r30%"],
        ["abc\r", "\n", "def"],
        ["one\r\n", "two\r\n"],
        ["\x1b[31mred", " still red", "\x1b[0m plain", " plain"],
        ["\x1b[31mred\x1b[0m", "plain"],
        ["\x1b[3", "1mred", "\x1b[0m"],
        ["\x1b]8;;http://x\x1b", "\\link\x1b]8;;\x1b\\", "after"],
        ["\x1b", "[1mbold"],
    ],
)
def test_texts_that_are_more_than_the_sum_of_their_pieces(session: Watched, texts: list[str]) -> None:
    cell = session.create("x = 1")
    session.ask(cell)
    session.begin()
    session.prints("before\n")
    for text in texts:
        session.prints(text)
    session.prints("error", "stderr")
    session.end()


def test_displays_and_their_updates(session: Watched) -> None:
    cell = session.create("x = 1")
    session.ask(cell)
    session.begin()
    session.shows({"text/plain": "first"})
    session.shows({"text/html": "<b>bold</b>", "text/plain": "bold"}, display_id="d")
    session.shows({"text/html": "<i>italic</i>", "text/plain": "italic"}, display_id="d", update=True)
    session.shows(PNG)
    session.returns({"text/html": "<p>value</p>", "text/plain": "value"}, hints=("A <hint>.",))
    (article,) = session.page.cells.elements()
    assert len(article.by_tag("iframe")) == 2 and len(article.by_tag("img")) == 1


def test_progress(session: Watched) -> None:
    cell = session.create("x = 1")
    session.ask(cell)
    session.begin()
    session.progresses(1)
    session.progresses(2, None, "<label>")
    session.prints("text")
    session.progresses(3)
    session.end()
    assert not session.page.cells.by_tag("progress")


def test_a_running_cell_is_run_again(session: Watched) -> None:
    cell = session.create("x = 1")
    session.run(cell)
    session.ask(cell)
    session.begin()
    session.prints("printed")
    session.progresses(1)
    session.ask(cell)
    session.prints("too late")
    session.end()
    session.drain()


@pytest.mark.parametrize("what", ["interrupt", "disable", "delete", "markdown", "restart", "die"])
def test_a_running_cell_ends_otherwise(session: Watched, what: str) -> None:
    cell = session.create("x = 1")
    reader = session.create("y = x")
    session.run()
    session.ask()
    session.begin()
    session.prints("printed")
    session.progresses(1)
    if what == "interrupt":
        session.interrupt()
    elif what == "disable":
        session.configure(cell, disabled=True)
    elif what == "delete":
        session.delete(cell)
    elif what == "markdown":
        session.configure(cell, cell_type="markdown")
    elif what == "restart":
        session.do(op.RestartKernel(by=ANALYST, id=str(uuid.uuid4()), run_id=str(uuid.uuid4())))
    else:
        session.die()
    if session.begun is not None:
        session.end()
    session.drain()
    assert reader in session.state.cells


def test_edits(session: Watched) -> None:
    a = session.create("a = 1")
    session.create("b = a")
    session.run()
    session.edit(a, "a = 2\n# <script>")
    session.do(op.UpdateText(by=ANALYST, cell=a, version=1, changes=[[[0, "# 🦜"], 15]]))
    session.edit(a, "a = (")
    session.edit(a, "")


def test_a_text_cell_shows_its_new_text(session: Watched) -> None:
    cell = session.create("# One", cell_type="markdown")
    session.edit(cell, "# Two")
    assert session.page.cells.by_tag("h1")[0].text == "Two"
    session.do(op.UpdateText(by=ANALYST, cell=cell, version=1, changes=[[5, [0, " *more*"]]]))
    assert session.page.cells.by_tag("em")[0].text == "more"


def test_creation_deletion_restoring(session: Watched) -> None:
    a = session.create("a = 1")
    b = session.create("b = a")
    session.create("# Text", cell_type="markdown", after=None)
    session.run()
    session.delete(a)
    session.drain()
    session.restore(a)
    session.drain()
    session.delete(b)
    session.restore(b)
    session.create("c = 1", after=a)


def test_moving(session: Watched) -> None:
    cells = [session.create(f"x{index} = {index}") for index in range(4)]
    session.do(op.MoveCell(by=ANALYST, cell=cells[3], after=None))
    session.do(op.MoveCell(by=ANALYST, cell=cells[0], after=cells[2]))
    session.do(op.MoveCell(by=ANALYST, cell=cells[0], after=cells[0]))
    order = [each.attributes["data-cell"] for each in session.page.cells.elements()]
    assert order == [cells[3], cells[1], cells[2], cells[0]]


@pytest.mark.parametrize(
    "settings",
    [
        {"disabled": True},
        {"manual": True},
        {"code_hidden": True},
        {"cell_type": "markdown"},
        {"cell_type": "sql", "output_name": "rows"},
        {"cell_type": "sql", "connection": "dataframes"},
    ],
)
def test_configuring_and_back(session: Watched, settings: dict[str, object]) -> None:
    cell = session.create("x = 1")
    session.create("y = x")
    session.run()
    before = {"disabled": False, "manual": False, "code_hidden": False, "cell_type": "python"}
    before |= {"output_name": "", "connection": ""}
    session.configure(cell, **settings)
    session.drain()
    session.configure(cell, **{key: before[key] for key in settings})
    session.drain()


def test_duplicates_and_cycles(session: Watched) -> None:
    a = session.create("x = 1")
    b = session.create("x = 2")
    c = session.create("y = x")
    session.run()
    assert session.status(a) == session.status(b) == "invalid" and session.status(c) == "blocked"
    session.edit(b, "z = y")
    session.edit(a, "x = z")
    assert session.status(c) == "invalid"
    session.edit(a, "x = 1")
    session.run()
    assert session.status(b) == "success"


def test_the_kernel_dies(session: Watched) -> None:
    cell = session.create("x = 1")
    session.create("y = x")
    session.run()
    session.ask(cell)
    session.begin()
    session.prints("last words")
    session.shows({"text/plain": "shown"})
    session.die("The kernel ran out of <memory>.")
    session.run()


# Batches ----------------------------------------------------------------------------------------------------------


def test_many_operations_leave_as_one_batch(session: Watched) -> None:
    cells = [session.create(f"x{index} = {index}") for index in range(30)]
    before = len(session.texts)
    with session.together():
        session.run()
        session.edit(cells[0], "x0 = 5")
        session.delete(cells[1])
        session.create("last = 1", after=None)
        session.restore(cells[1])
        session.run()
    html = [text for text in session.texts[before:] if text.startswith("<")]
    assert sum(text.count(f'id="cell-{cells[5]}-output"') for text in html) == 1


def test_a_cell_that_came_and_went_within_one_batch(session: Watched) -> None:
    session.create("a = 1")
    with session.together():
        cell = session.create("b = 1")
        session.run(cell)
        session.delete(cell)
    with session.together():
        session.restore(cell)
        session.delete(cell)
        session.restore(cell)
        session.edit(cell, "b = 2")
        session.run(cell)


def test_the_end_of_one_execution_and_the_text_of_the_next_within_one_batch(session: Watched) -> None:
    cell = session.create("x = 1")
    session.ask(cell)
    session.begin()
    session.prints("one\r")
    with session.together():
        session.prints("two")
        session.end()
        session.ask(cell)
        session.begin()
        session.prints("three")
    session.prints("four")
    session.end()


def test_frames_are_small_and_say_what_they_cover(session: Watched) -> None:
    """The page itself checks sizes, ranges and that nothing is left out."""
    with session.together():
        for index in range(100):
            session.create(f"x{index} = 1")
        session.run()
    assert session.page.html_frames >= 10
    assert all(text.startswith(('<div id="frame" ', "{")) for text in session.texts)


def test_a_status_comes_with_its_output(session: Watched) -> None:
    """The run's end: what shows is in one frame, and what shows no more only states what it covers."""
    cell = session.create("x = 1")
    session.run(cell)
    session.edit(cell, "x = 2")
    session.ask(cell)
    session.begin()
    before = len(session.texts)
    with session.together():
        session.end()
    html, kernel, covered, run = session.texts[before:]
    assert f'id="cell-{cell}-status"' in html and f'id="cell-{cell}-output"' in html
    assert covered.startswith('<div id="frame"') and cell not in covered
    assert [json.loads(text)["type"] for text in (kernel, run)] == ["kernel_status", "run_finished"]


# Anything ---------------------------------------------------------------------------------------------------------

CODES = ["a = 1", "b = a", "c = a + b", "a = c", "1 / 0", "d = 1 / 0", "e = d", "b = (", "x = missing", "# Text", ""]


class Chaos:
    """Something that somebody, or the kernel, might do next."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.session = Watched(self.random.choice(["auto", "lazy"]))

    def step(self) -> None:
        session = self.session
        cells = list(session.state.order)
        kinds = [self.create, self.kernel, self.kernel, self.kernel]
        if cells:
            kinds += [self.edit, self.edit, self.run, self.run, self.delete, self.move, self.configure, self.stop]
        if session.state.deleted:
            kinds.append(self.restore)
        self.random.choice(kinds)()

    def cell(self) -> str:
        return self.random.choice(self.session.state.order)

    def create(self) -> None:
        if len(self.session.state.order) < 7:
            after = self.random.choice([None, *self.session.state.order])
            kind = self.random.choice(["python", "python", "python", "markdown"])
            self.session.create(self.random.choice(CODES), after=after, cell_type=kind)

    def edit(self) -> None:
        self.session.edit(self.cell(), self.random.choice(CODES))

    def run(self) -> None:
        scope = self.random.choice(["cell", "above", "below", "all", "stale"])
        if scope in ("all", "stale"):
            self.session.ask_for(scope)
        else:
            self.session.ask(self.cell(), scope)

    def delete(self) -> None:
        if self.random.random() < 0.4:
            self.session.delete(self.cell())

    def restore(self) -> None:
        self.session.restore(self.random.choice(list(self.session.state.deleted)))

    def move(self) -> None:
        self.session.do(op.MoveCell(by=ANALYST, cell=self.cell(), after=self.cell()))

    def configure(self) -> None:
        name, values = self.random.choice(
            [
                ("disabled", [True, False]),
                ("manual", [True, False]),
                ("code_hidden", [True, False]),
                ("cell_type", ["python", "python", "markdown", "sql"]),
                ("output_name", ["rows", ""]),
            ]
        )
        self.session.configure(self.cell(), **{name: self.random.choice(values)})

    def stop(self) -> None:
        chance = self.random.random()
        if chance < 0.3:
            self.session.interrupt()
        elif chance < 0.4 and self.session.kernel is not None:
            self.session.die()
        elif chance < 0.5:
            run = self.random.choice([None, str(uuid.uuid4())])
            self.session.do(op.RestartKernel(by=ANALYST, id=str(uuid.uuid4()), run_id=run))

    def kernel(self) -> None:
        session = self.session
        if session.begun is None:
            session.begin()
        elif self.random.random() < 0.5:
            session.end()
        else:
            self.random.choice(
                [
                    lambda: session.prints(self.random.choice(["text\n", "10%\r", "\x1b[31mred", "\x1b[0m<&>"])),
                    lambda: session.prints("error\n", "stderr"),
                    lambda: session.progresses(1),
                    lambda: session.shows(PNG),
                ]
            )()


@pytest.mark.parametrize("seed", range(30))
def test_anything_that_may_happen(seed: int) -> None:
    chaos = Chaos(seed)
    for _ in range(60):
        if chaos.random.random() < 0.2:
            with chaos.session.together():
                for _ in range(4):
                    chaos.step()
        else:
            chaos.step()
    chaos.session.check()


def test_what_is_refused_sends_nothing(session: Watched) -> None:
    refused = session.do(op.DeleteCell(by=ANALYST, cell="nothing", run_id="r"))
    assert isinstance(refused, Rejected) and not session.texts
