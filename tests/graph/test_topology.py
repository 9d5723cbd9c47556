"""The dependency graph: one cell at a time, whatever the order of the edits."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.analysis.names import Names
from kernel.graph import Topology, order


def names(defines: str = "", references: str = "", reads: str = "", writes: str = "") -> Names:
    return Names(
        defines=frozenset(defines.split()),
        references=frozenset(references.split()),
        reads_tables=frozenset(reads.split()),
        writes_tables=frozenset(writes.split()),
    )


def graph(**cells: Names) -> Topology:
    return Topology().update(cells)


def test_a_reader_is_the_child_of_the_definer() -> None:
    topology = graph(a=names("x"), b=names("y", "x"), c=names("", "y"))
    assert topology.children("a") == {"b"}
    assert topology.parents("c") == {"b"}
    assert topology.descendants(["a"]) >= {"b", "c"}
    assert topology.ancestors(["c"]) >= {"a", "b"}


def test_builtins_are_no_parents_unless_a_cell_defines_them() -> None:
    topology = graph(a=names("y", "print"))
    assert topology.parents("a") == frozenset()
    assert topology.update({"b": names("print")}).parents("a") == {"b"}


def test_two_definitions_conflict_and_heal() -> None:
    topology = graph(a=names("x"), b=names("x"), c=names("", "x"))
    assert topology.conflicted == {"a", "b"}
    assert topology.duplicates("a") == {"x": ("b",)}
    healed, delta = topology.update_with_delta({"b": names("z")})
    assert healed.conflicted == frozenset()
    assert delta.validity >= {"a", "b"}


def test_a_cycle_has_a_path_and_heals() -> None:
    topology = graph(a=names("x", "z"), b=names("y", "x"), c=names("z", "y"), d=names("w", "x"))
    assert topology.cycle("a") == topology.cycle("b") == ("x", "y", "z", "x")
    assert topology.cycle("d") is None
    assert topology.update({"c": names("z")}).cycle("a") is None


def test_an_update_that_changes_nothing_is_the_same_topology() -> None:
    topology = graph(a=names("x"))
    same, delta = topology.update_with_delta({"a": names("x")})
    assert same is topology
    assert not delta.edges and not delta.validity and not delta.names


def test_cells_run_in_topological_order_and_among_equals_as_on_the_page() -> None:
    topology = graph(a=names("", "x"), b=names("x"), c=names("y"), d=names("", "y x"))
    assert order(topology, "abcd", "abcd".index) == ["b", "a", "c", "d"]


def test_tables_order_cells_but_make_no_edges() -> None:
    topology = graph(read=names(reads="db/t"), write=names(writes="db/t"), more=names(writes="db/t"))
    page = ["write", "read", "more"]
    assert order(topology, page, page.index) == page
    assert topology.children("write") == frozenset()
    assert topology.table_readers("db/t") == {"read"}


def test_names_win_over_tables() -> None:
    topology = graph(first=names("", "x", writes="t"), second=names("x", reads="t"))
    page = ["first", "second"]
    assert order(topology, page, page.index) == ["second", "first"]


_CELLS = st.sampled_from([f"c{number}" for number in range(6)])
_NAMES = st.frozensets(st.sampled_from("uvwxyz"), max_size=2)
_EDITS = st.lists(st.tuples(_CELLS, st.none() | st.tuples(_NAMES, _NAMES)), max_size=30)


@settings(max_examples=400, deadline=None)
@given(_EDITS)
def test_the_graph_depends_on_the_texts_and_not_on_their_history(edits: list) -> None:  # type: ignore[type-arg]
    topology = Topology()
    final: dict[str, Names] = {}
    for cell, change in edits:
        new = None if change is None else Names(defines=change[0], references=change[1] - change[0])
        topology = topology.update({cell: new})
        final.pop(cell, None)
        if new is not None:
            final[cell] = new
    fresh = Topology().update(final)
    assert topology.conflicted == fresh.conflicted
    assert dict(topology.in_cycle) == dict(fresh.in_cycle)
    for cell in final:
        assert topology.children(cell) == fresh.children(cell)
        assert topology.cycle(cell) == fresh.cycle(cell)
        assert (cell in topology.in_cycle) == (cell in _reachable(topology, cell))


def _reachable(topology: Topology, start: str) -> set[str]:
    found: set[str] = set()
    pending = [start]
    while pending:
        for child in topology.children(pending.pop()):
            if child not in found:
                found.add(child)
                pending.append(child)
    return found
