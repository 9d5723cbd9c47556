"""Provisional."""
import ast, functools, symtable
from .names import Names, Problem
@functools.lru_cache(maxsize=10000)
def analyse(cell_type, source, *, output_name="", dataframes=False):
    if cell_type != "python":
        return Names(defines=frozenset([output_name]) if output_name and cell_type == "sql" else frozenset())
    try:
        table = symtable.symtable(source, "cell", "exec")
    except (SyntaxError, ValueError) as e:
        return Problem and Names(problem=Problem(code="syntax", message=str(e)))
    defines, refs = set(), set()
    for s in table.get_symbols():
        if s.is_assigned() or s.is_imported(): defines.add(s.get_name())
        elif s.is_referenced(): refs.add(s.get_name())
    def walk(t):
        for c in t.get_children():
            for s in c.get_symbols():
                if s.is_global() and s.is_referenced(): refs.add(s.get_name())
            walk(c)
    walk(table)
    return Names(defines=frozenset(defines), references=frozenset(refs - defines))
