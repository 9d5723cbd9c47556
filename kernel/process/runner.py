"""One execution: forget, compile, run, show. What it raises is the worker's to report."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from kernel.output.bundle import Presenter
from kernel.output.sources import Sources
from kernel.output.tables import Tables
from kernel.process.displays import Displays
from kernel.process.helpers import Helpers
from kernel.process.hints import mutation_hints
from kernel.process.namespace import Before, Namespace
from kernel.process.program import Program, compile_cell
from kernel.process.sql import Result, Sql
from kernel.process.streams import Streams
from kernel.process.tools import Loops
from kernel.protocol import Execute, MimeBundle

NOTHING = Program(None, None, frozenset(), frozenset())


def _awaits(code: CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_COROUTINE)


@dataclass(slots=True)
class Shown:
    """What an execution that succeeded has to show."""

    output: MimeBundle | None = None
    hints: list[str] = field(default_factory=list)


class Runner:
    """Runs cells in the namespace. `before` is set while an execution's names are neither kept nor removed.

    `program` is what the last execution ran.
    """

    def __init__(
        self, namespace: Namespace, sources: Sources, presenter: Presenter, displays: Displays, streams: Streams,
        tables: Tables, sql: Sql, helpers: Helpers,
    ) -> None:  # fmt: skip
        self._namespace = namespace
        self._sources = sources
        self._presenter = presenter
        self._displays = displays
        self._streams = streams
        self._tables = tables
        self._sql = sql
        self._helpers = helpers
        self._loops = Loops(streams)
        self.before: Before | None = None
        self.program = NOTHING
        self._labels: dict[str, str] = {}  # what the page called each cell when it last ran

    def run(self, command: Execute) -> Shown:
        """Raises whatever the cell raises, KeyboardInterrupt included."""
        self._tables.begin(command.cell)
        self._labels[command.cell] = command.label
        if command.kind == "sql":
            return self._run_sql(command)
        filename = self._sources.register(command.cell, command.label, command.code)
        program = self._begin(command, filename)
        self._helpers.reload(program)
        value = self._run_program(program)
        self._displays.figures.end(last=value)
        hints = mutation_hints(command.cell, program, self._namespace, self._labels)
        return Shown(None if value is None else self._presenter.bundle(value), hints)

    def _begin(self, command: Execute, filename: str) -> Program:
        program = self.program = NOTHING
        try:
            program = self.program = compile_cell(command.code, filename, command.cell)
        finally:  # a text that does not compile defines nothing, and what its cell defined before goes too
            self.before = self._namespace.begin(command.cell, program, command.forget)
        return program

    def _run_program(self, program: Program) -> Any:
        """The cell's value. Where it awaits anything, all of it runs within the event loop."""
        if any(code is not None and _awaits(code) for code in (program.body, program.value)):
            return self._loops.run(self._run_in_loop(program))
        self._evaluate(program.body)
        return self._evaluate(program.value)

    async def _run_in_loop(self, program: Program) -> Any:
        value: Any = None
        for code in (program.body, program.value):
            value = None if code is None else eval(code, self._namespace.globals)
            if code is not None and _awaits(code):
                value = await value
        return value

    def _evaluate(self, code: CodeType | None) -> Any:
        if code is None:
            return None
        value = eval(code, self._namespace.globals)
        return self._loops.run(value) if _awaits(code) else value

    def _run_sql(self, command: Execute) -> Shown:
        filename = self._sources.register(command.cell, command.label, command.code)
        names = frozenset({command.output_name} if command.output_name.isidentifier() else ())
        program = self.program = Program(None, None, names, frozenset())
        self.before = self._namespace.begin(command.cell, program, command.forget)

        self._helpers.reload(program)

        def evaluate(expression: str) -> Any:
            return self._evaluate(compile_cell(f"({expression}\n)", filename, command.cell).value)

        result = self._sql.run(command, evaluate)
        for name in names:
            self._namespace.globals[name] = result.frame
        return self._show_result(result)

    def _show_result(self, result: Result) -> Shown:
        for notice in result.notices:
            self._streams.write("stderr", notice + "\n")
        output = {"text/plain": result.text} if result.frame is None else self._presenter.bundle(result.frame)
        return Shown(output, list(result.notices))
