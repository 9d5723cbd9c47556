"""Sentences for a cell's author about what it did that other cells cannot see."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from kernel.analysis.mutations import Mutation
from kernel.process.namespace import Namespace
from kernel.process.program import Program


def mutation_hints(cell: str, program: Program, namespace: Namespace, labels: dict[str, str]) -> list[str]:
    """One for each name of another cell whose object this cell changed in place; `labels` are those of the cells."""
    names: dict[str, str] = {}
    for mutation in program.mutated:
        owner = namespace.owner(mutation.name)
        if owner not in (None, cell) and _counts(namespace.globals.get(mutation.name), mutation):
            names[mutation.name] = labels.get(owner or "", "")
    return [
        f"`{name}` is defined in {label}: cells that read it will not notice this change. "
        f"Assign a new name, or make the change in {label}."
        for name, label in names.items()
        if label
    ]


def _counts(value: Any, mutation: Mutation) -> bool:
    """`os.environ["A"] = "b"` is what a module is for, and `frame.add(1)` makes a new frame.

    Only the class is asked: the object itself may answer with anything.
    """
    kinds = type(value).__mro__
    if ModuleType in kinds:
        return mutation.direct
    return mutation.method != "add" or not any("__array__" in kind.__dict__ for kind in kinds)
