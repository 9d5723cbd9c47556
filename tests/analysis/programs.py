"""Python programs that use every way to bind and to read a name, from a string of bytes.

A program is a list of groups of statements. Each group becomes a cell; one after the other they are a module. No name
is bound by two groups, nothing is changed by a group that did not make it, and no program raises. Names of parameters,
local variables and attributes are often those of other groups' variables: that is what an analysis gets wrong.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

OWN = "_own"
"""A private variable: every group has one of its own."""
NAMES = [
    "alpha", "beta", "gamma", "delta", "rate", "total", "data", "model", "table", "frame", "item",
    "key", "row", "value", "get", "width", "id", "pow",
    "input", "filter", "vars", "hash", "format", "__dim", "__size", "µ", "naïve",
    "x", "y", "z", "n", "i", "f", "a", "b", "c", "d", "u", "v", "w", "s", "t",
]  # fmt: skip
"""For variables of groups and for all others. Some are builtins that no program uses as such."""
LOCAL = [*NAMES, "p", "q", OWN]

Lines = list[str]


@dataclass
class Env:
    """What can be read at some place: name -> kind. All values are pure: no use changes them.

    `int`; `seq`, at least three ints; `map`, with ints and "k"; `fun`, int -> int; `gen`, int -> iterator of at least
    three ints; `cls`, int -> object with `.value` and `.get(int)`; `dec`, function -> function; `mod`, with `gcd`;
    `coro`, asynchronous `fun`.
    """

    names: dict[str, str]
    enclosing: dict[str, str] | None = None  # in a class body: what the functions in it see
    function: bool = False

    def of(self, kind: str) -> list[str]:
        return [name for name, each in self.names.items() if each == kind]

    def inner(self, *hidden: str) -> Env:
        """A function or comprehension in here, with local variables that are not bound yet."""
        around = self.names if self.enclosing is None else self.enclosing
        return Env({name: kind for name, kind in around.items() if name not in hidden}, None, True)

    def body(self) -> Env:
        """A class in here. `__x` of the module has another name within."""
        around = self.names if self.enclosing is None else self.enclosing
        seen = {name: kind for name, kind in around.items() if not name.startswith("__")}
        return Env(dict(seen), seen)

    def bind(self, *names: str, kind: str = "int") -> Env:
        self.names.update(dict.fromkeys(names, kind))
        return self


@dataclass
class Group:
    lines: Lines
    deferred: bool = False
    """It reads other groups' names only when its functions are called: as a module it may stand before them."""


@dataclass
class Writer:
    data: bytes
    position: int = 0
    left: list[str] = field(default_factory=lambda: list(NAMES))
    used: Counter[str] = field(default_factory=Counter)

    # Choices ------------------------------------------------------------------------------------------------------

    def below(self, limit: int) -> int:
        if self.position >= len(self.data) or limit < 2:
            return 0
        self.position += 1
        return self.data[self.position - 1] % limit

    def pick(self, options: Sequence[str]) -> str:
        return options[self.below(len(options))]

    def local(self, *others: str, count: int = 1) -> list[str]:
        """Names for local variables, all different."""
        free = [name for name in LOCAL if name not in others]
        found = []
        for _ in range(count):
            found.append(free.pop(self.below(len(free))))
        return found

    def fresh(self) -> str:
        """A name for a variable of the module."""
        return self.left.pop(self.below(len(self.left)))

    # Expressions --------------------------------------------------------------------------------------------------

    def int(self, env: Env, depth: int = 2) -> str:
        form = self.below(len(INTS)) if depth else self.below(2)
        return INTS[form](self, env, depth - 1)

    def seq(self, env: Env, depth: int = 1) -> str:
        form = self.below(7)
        a = self.int(env, 0)
        if form == 1 and env.of("gen"):
            return f"list({self.pick(env.of('gen'))}({a}))"
        if form == 2:
            return f"range({a} % 5, {self.int(env, 0)} % 5 + 8)"
        if form == 3 and depth:
            [p] = self.local()
            return f"sorted({self.seq(env, 0)}, key=lambda {p}: {self.int(env.inner(p).bind(p), 0)})"
        if form == 4 and env.of("seq"):
            return f"[*{self.pick(env.of('seq'))}, {a}]"
        if form == 5 and depth:
            [p] = self.local()
            first = self.seq(env, 0)
            return f"[{self.int(env.inner(p).bind(p), 1)} for {p} in {first}]"
        if form == 6 or not env.of("seq"):
            return f"({a}, {self.int(env, 0)}, {self.int(env, depth)})"
        return self.pick(env.of("seq"))

    def map(self, env: Env) -> str:
        form = self.below(4)
        if form == 1 and env.of("map"):
            return f"{{**{self.pick(env.of('map'))}, 'j': {self.int(env, 1)}}}"
        if form == 2:
            [p] = self.local()
            first = self.seq(env, 0)
            inner = env.inner(p).bind(p)
            return f"{{'k': 1}} | {{str({p}): {self.int(inner, 1)} for {p} in {first} if {self.int(inner, 0)}}}"
        if form == 3:
            return f"dict(k={self.int(env, 1)}, m={self.int(env, 0)})"
        return self.pick(env.of("map")) if env.of("map") else f"{{'k': {self.int(env, 1)}}}"

    def value(self, env: Env) -> tuple[str, str]:
        """A value and its kind."""
        form = self.below(4)
        if form == 1:
            return f"list({self.seq(env)})", "seq"
        if form == 2:
            return self.map(env), "map"
        return f"{self.int(env)} % 997", "int"

    def annotation(self, env: Env) -> str:
        return self.pick([*env.of("cls"), "int", "'nowhere'", "list[int]", *[f"list[{c}]" for c in env.of("cls")]])


def _literal(w: Writer, env: Env, depth: int) -> str:
    return str(w.below(10))


def _name(w: Writer, env: Env, depth: int) -> str:
    return w.pick(env.of("int")) if env.of("int") else "1"


def _sum(w: Writer, env: Env, depth: int) -> str:
    operator = w.pick(["+", "-", "*", "&", "|", "^"])
    return f"({w.int(env, depth)} {operator} {w.int(env, depth)})"


def _item(w: Writer, env: Env, depth: int) -> str:
    return f"({w.seq(env)})[{w.int(env, depth)} % 3]"


def _total(w: Writer, env: Env, depth: int) -> str:
    return f"sum({w.seq(env)})" if w.below(2) else f"max(*{w.seq(env)}, {w.int(env, depth)})"


def _call(w: Writer, env: Env, depth: int) -> str:
    if not env.of("fun"):
        return _sum(w, env, depth)
    name, a = w.pick(env.of("fun")), w.int(env, depth)
    return w.pick([f"{name}({a})", f"{name}(*[{a}])", f"sum(map({name}, {w.seq(env)}))"])


def _object(w: Writer, env: Env, depth: int) -> str:
    if not env.of("cls"):
        return _name(w, env, depth)
    name, a = w.pick(env.of("cls")), w.int(env, depth)
    return w.pick([f"{name}({a}).value", f"{name}({a}).get({w.int(env, 0)})", f"{name}.get({name}({a}), 3)"])


def _conditional(w: Writer, env: Env, depth: int) -> str:
    a, b, c = w.int(env, depth), w.int(env, depth), w.int(env, depth)
    return w.pick([f"({a} if {b} % 2 else {c})", f"({a} and {b} or {c})", f"int({a} < {b} <= {c})", f"(not {a}) + {b}"])


def _lambda(w: Writer, env: Env, depth: int) -> str:
    p, q = w.local(count=2)
    default, argument = w.int(env, 0), w.int(env, depth)
    inner = env.inner(p, q)
    body = w.int(inner.bind(p, q), depth)
    if w.below(3) == 1:
        [r] = w.local()
        deep = inner.inner(r)
        body = f"(lambda *{r}: {w.int(deep.bind(r, kind='none'), depth)} + len({r}))({body}, 2)"
    return f"(lambda {p}, {w.pick(['', '*, '])}{q}={default}: {body})({argument})"


def _generator(w: Writer, env: Env, depth: int) -> str:
    p, q = w.local(count=2)
    first = w.seq(env)
    one = env.inner(p, q).bind(p)
    form = w.below(6)
    if form == 1:
        return f"sum({w.int(one, depth)} for {p} in {first} if {w.int(one, depth)} % 2)"
    if form == 2:
        second, both = w.seq(one), Env(one.names | {q: "int"}, None, True)
        return f"sum({w.int(both, depth)} for {p} in {first} for {q} in {second})"
    if form == 3:
        return f"len({{{p}: {w.int(one, depth)} for {p} in {first}}})"
    if form == 4:
        second = w.seq(one)
        deep = one.inner(q)
        return f"len([{{{w.int(deep.bind(q), depth)} for {q} in {second}}} for {p} in {first}])"
    if form == 5:
        both = Env(one.names | {q: "int"}, None, True)
        return f"sum({w.int(both, depth)} for {p}, {q} in zip({first}, {w.seq(env)}))"
    return f"[{w.int(one, depth)} for {p} in {first}][1]"


def _format(w: Writer, env: Env, depth: int) -> str:
    a, b = w.int(env, depth), w.pick(["3", *env.of("int")])
    width = f"{{abs({b}) % 9 + 1}}"
    return f"len(f'{{{b}=}}{{({b} + 1)!r:>{width}}}')" if "'" in a else f"len(f'{{({a})}}:{{{b}:>{width}}}')"


def _entry(w: Writer, env: Env, depth: int) -> str:
    return f"({w.map(env)})['k']"


def _module(w: Writer, env: Env, depth: int) -> str:
    return f"{w.pick(env.of('mod'))}.gcd({w.int(env, depth)}, 12)" if env.of("mod") else _total(w, env, depth)


INTS: list[Callable[[Writer, Env, int], str]] = [
    _literal, _name, _name, _name, _sum, _item, _total, _call, _call, _object, _object, _conditional, _lambda,
    _generator, _generator, _format, _entry, _module,
]  # fmt: skip


# Statements ---------------------------------------------------------------------------------------------------------


def indent(lines: Sequence[str]) -> Lines:
    return ["    " + line for line in lines]


def assign(w: Writer, env: Env) -> Lines:
    name = w.fresh()
    value, kind = w.value(env)
    env.bind(name, kind=kind)
    return [f"{name} = {value}"]


def chain(w: Writer, env: Env) -> Lines:
    one, two = w.fresh(), w.fresh()
    lines = [f"{one} = {two} = {w.int(env)}"]
    env.bind(one, two)
    return lines


def annotate(w: Writer, env: Env) -> Lines:
    one, other = w.fresh(), w.pick(NAMES)
    lines = [f"{one}: {w.annotation(env)} = {w.int(env)}", f"{other}: {w.annotation(env)}"]
    env.bind(one)
    return lines


def augment(w: Writer, env: Env) -> Lines:
    name = w.fresh()
    lines = [f"{name} = {w.int(env)}"]
    env.bind(name)
    lines.append(f"{name} {w.pick(['+', '-', '*', '^'])}= {w.int(env)}")
    if w.below(2):
        lines.append(f"{name} = {name} % 97; {OWN} = {name}; {name} -= {OWN} // 2")
    return lines


def unpack(w: Writer, env: Env) -> Lines:
    a, b, c = w.fresh(), w.fresh(), w.fresh()
    kinds = dict.fromkeys([a, b, c], "int")
    form = w.below(5)
    if form == 1:
        line, kinds[b] = f"{a}, *{b}, {c} = [0, *{w.seq(env)}, 1]", "seq"
    elif form == 2:
        line = f"({a}, [{b}, ({c},)]) = {w.int(env)}, ({w.int(env)}, [{w.int(env)}])"
    elif form == 3:
        line, kinds[c] = f"[{a}, {b}, *{c}] = *{w.seq(env)}, *{w.seq(env)}", "seq"
    elif form == 4:
        line = f"{a}, {OWN}, {b} = {c}, _, *_ = [{w.int(env)}, 1, 2]"
    else:
        line = f"{a}, {b}, {c} = ({w.seq(env)})[:3]"
    env.names.update(kinds)
    return [line]


def walrus(w: Writer, env: Env) -> Lines:
    a, b = w.fresh(), w.fresh()
    [p] = w.local(b, a)
    [q] = w.local(b, a, p)
    first = w.seq(env)
    one = env.inner(p, b).bind(p)
    e = w.int(one, 1)
    lines = [
        [f"{a} = ({b} := {w.int(env)}) + {b}"],
        [f"{a} = sum([{b} := {e} for {p} in {first}])"],
        [f"{a} = len([[{b} := {q} for {q} in range(3)] for {p} in {first}])"],
        [f"{a} = len([{p} for {p} in {first} if ({b} := {e}) or True])"],
        [f"if ({b} := {w.int(env)}) % 2: {a} = {b}", f"else: {a} = -{b}"],
        [f"{a} = len(f'{{({b} := {w.pick(['1', *env.of('int')])})}}')"],
        [f"{a} = (lambda {p}=({b} := {w.int(env)}): {p} + {b})()"],
        [f"{a} = 0", f"while ({b} := {a} * 2) < 9: {a} += 1"],
    ]
    env.bind(a, b)
    return lines[w.below(len(lines))]


def condition(w: Writer, env: Env) -> Lines:
    name, other = w.fresh(), w.fresh()
    lines = [f"if {w.int(env)} % 2:", f"    {name} = {w.int(env)}", f"    {other} = 1"]
    if w.below(2):
        lines += [f"elif {w.int(env)} % 3:", f"    {name} = {other} = {w.int(env)}"]
    lines += ["else:", f"    {name}, {other} = {w.int(env)}, {w.int(env)}"]
    env.bind(name, other)
    return lines


def loop(w: Writer, env: Env) -> Lines:
    a, b, c = w.fresh(), w.fresh(), w.fresh()
    form = w.below(5)
    first = w.seq(env)
    start = [f"{b} = {c} = {w.int(env)}"]
    env.bind(a, b, c)
    if form == 1:
        return [*start, f"for {OWN}, {a} in enumerate({first}):", f"    {c} = ({c} + {w.int(env)} + {OWN}) % 99"]
    if form == 2:
        env.names[b] = "seq"
        lines = [f"{c} = 0", f"for {a}, *{b} in [(0, *{first}), (1, *{first})]:"]
        return [*lines, f"    if {c} > 5: break", f"    {c} += {w.int(env)} % 7", "else:", f"    {c} = {w.int(env)}"]
    if form == 3:
        box = [f"{OWN} = [0]", f"for {OWN}[0] in {first}: pass", f"{a} = {OWN}[0]"]
        return [*start, *box]
    if form == 4:
        lines = [f"{a} = 5", *start, f"while {a}:", f"    {a} -= 1", f"    if {a} == 2: continue"]
        return [*lines, f"    {b} = {w.int(env)} % 99", "else:", f"    {c} = {b}"]
    return [*start, f"for {a} in {first}:", f"    {b} = {w.int(env)} % 99", f"    {c} = {c} ^ {b}"]


def attempt(w: Writer, env: Env) -> Lines:
    a, b, c = w.fresh(), w.fresh(), w.fresh()
    risky = w.pick([f"{w.int(env)} // ({w.int(env)} % 2)", f"[{w.int(env)}][{w.int(env)} % 2]"])
    star = w.pick(["", "*"])
    lines = ["try:", f"    {a} = {risky}"]
    lines += [f"except{star} ZeroDivisionError as error:", f"    {a} = len(str(error.args)) + {w.int(env)}"]
    lines += [f"except{star} (KeyError, IndexError):", f"    {a} = {w.int(env)}"]
    inner = Env(env.names | {a: "int"})
    lines += ["else:", f"    {a} += {w.int(inner)}"]
    lines += ["finally:", f"    {b} = {w.int(env)}", f"{c} = {a} - {b}"]
    env.bind(a, b, c)
    return lines


def manage(w: Writer, env: Env) -> Lines:
    a, b, c = w.fresh(), w.fresh(), w.fresh()
    lines = ["import contextlib as _tools"]
    form = w.below(3)
    if form == 1:
        lines += [f"with _tools.nullcontext(({w.int(env)}, {w.int(env)})) as ({a}, {b}):"]
        env.bind(a, b)
        lines += [f"    {c} = {w.int(env)}"]
    elif form == 2:
        lines += [f"with (_tools.nullcontext({w.int(env)}) as {a}, _tools.nullcontext({a}) as {b}):"]
        env.bind(a, b)
        lines += [f"    {c} = {w.int(env)}"]
    else:
        [p] = w.local()
        lines += ["@_tools.contextmanager", f"def _opened({p}):", f"    yield {w.int(env.inner(p).bind(p))}"]
        lines += [f"{OWN} = [0]", f"with _opened({w.int(env)}) as {OWN}[0]:", f"    {a} = {b} = {c} = {OWN}[0]"]
    env.bind(a, b, c)
    return lines


def match(w: Writer, env: Env) -> Lines:
    a, b, c = w.fresh(), w.fresh(), w.fresh()
    form = w.below(5)
    lines = [f"{b} = {c} = 0"]
    if form == 1:
        lines += [f"match {w.map(env)}:", f"    case {{'k': {a}, **{c}}} if {a} > -10**9:"]
        lines += [f"        {b} = {w.int(Env(env.names | {a: 'int'}))}", f"    case {c}:", f"        {a} = 1"]
        lines += [f"{c} = len({c})"]
    elif form == 2:
        lines += [f"match list({w.seq(env)}):", f"    case [{a}, *{c}]:", f"        {b} = len({c})", f"{c} = 1"]
    elif form == 3 and env.of("cls"):
        name = w.pick(env.of("cls"))
        lines += [f"match {name}({w.int(env)}):", f"    case {name}(value=int() as {a}):", f"        {b} = {a}"]
    elif form == 4 and env.of("mod"):
        lines += ["match 3:", f"    case {w.pick(env.of('mod'))}.pi: {a} = 1", f"    case int({a}): pass"]
    else:
        lines += [f"match {w.int(env)} % 4, 1:", f"    case (0 | 1) as {a}, {b}: pass"]
        lines += [f"    case {a}, _:", f"        {c} = {w.int(env)}"]
    env.bind(a, b, c)
    return lines


def delete(w: Writer, env: Env) -> Lines:
    a, b, c = w.fresh(), w.fresh(), w.fresh()
    lines = [f"{a} = {w.int(env)}", f"{b} = {a} + 1", f"{c} = [{w.int(env)}, {b}, 3, 4, 5]"]
    form = w.below(4)
    gone = [a]
    if form == 1:
        lines, gone = [*lines, f"del {a}, {c}[0]"], [a]
    elif form == 2:
        lines, gone = [*lines, f"del ({a}, [{b}])"], [a, b]
    elif form == 3:
        lines, gone = [*lines, "def _forget():", f"    global {a}", f"    del {a}", "_forget()"], [a]
    else:
        lines += [f"for {OWN} in range(1):", f"    del {a}"]
    env.bind(a, b).bind(c, kind="seq")
    for name in gone:
        del env.names[name]
    return lines


def imports(w: Writer, env: Env) -> Lines:
    name = w.fresh()
    form = w.below(6)
    if form == 1:
        env.bind(name, kind="mod")
        return [f"import math as {name}, os.path as _paths"]
    if form == 2:
        env.bind(name, kind="fun")
        return [f"from operator import (neg as {name}, add as _add,)"]
    if form == 3:
        known = "os" in env.names
        env.bind(name).bind("os", kind="none")
        if known:
            return [f"from math import gcd as {name}", f"{name} = {name}(4, 6)"]
        return ["import os.path, collections.abc as _abc", f"{name} = len(os.path.join('a', 'b'))"]
    if form == 4 and "math" not in env.names:
        env.bind("math", kind="mod")
        env.bind(name)
        return ["try:", "    import math", "except ImportError:", "    math = None", f"{name} = math.gcd(8, 12)"]
    if form == 5 and "mul" not in env.names:
        lines = ["from operator import mul", f"{name} = mul({w.int(env)}, 2)"]
        env.bind("mul", kind="none").bind(name)
        return lines
    env.bind(name, kind="mod")
    return [f"import math as {name}"]


def global_write(w: Writer, env: Env) -> Lines:
    a, b = w.fresh(), w.fresh()
    [p] = w.local(a, b)
    inner = env.inner(p, a, b).bind(p)
    form = w.below(4)
    e = w.int(inner)
    if form == 1 and not a.startswith("__"):
        lines = [f"class _Holder:\n    global {a}\n    {a} = {w.int(env.body())}\n    {b} = 1", f"{b} = {a}"]
    elif form == 2:
        lines = [f"def _set({p}):", "    def within():", f"        global {a}, {b}", f"        {a} = {b} = {e}"]
        lines += ["    within()", "_set(2)"]
    elif form == 3:
        lines = [f"{a} = {b} = 1", f"def _set({p}):", f"    global {a}", f"    for {a} in range(3): pass"]
        lines += [f"    def {b}(): return {a}", f"    return {b}() + {e}", f"{b} = _set(4)"]
    else:
        lines = [f"def _set({p}):", f"    global {a}, {b}", f"    {a}, {b} = {e}, {p}", "_set(1)"]
    env.bind(a, b)
    return [each for line in lines for each in line.split("\n")]


# Functions ----------------------------------------------------------------------------------------------------------


def function_body(w: Writer, env: Env, hidden: Sequence[str] = ()) -> Lines:
    """Statements of a function that ends by returning an int; `hidden` are its parameters, all ints."""
    a, b = w.local(*hidden, count=2)
    e = env.inner(*hidden, a, b).bind(*hidden)
    form = w.below(12)
    if form == 1:
        return [f"{a} = {w.int(e)}", f"{b} = {w.int(e.bind(a))}", f"return {w.int(e.bind(b))} % 997"]
    if form == 2:
        lines = [f"{a} = {w.int(e)}", "def bump():", f"    nonlocal {a}", f"    {a} += {w.int(e.inner(a), 1)}"]
        return [*lines, "bump(); bump()", f"return {a} % 997"]
    if form == 3:
        lines = [f"{a} = {w.int(e)} % 9", f"def {b}({a}={a}):", *indent(function_body(w, e.bind(a), [a]))]
        return [*lines, f"return {b}({w.int(e)}) + {b}()"]
    if form == 4:
        return [f"for {a} in {w.seq(e)}:", f"    {b} = {w.int(e.bind(a))}", f"return ({a} + {b}) % 997"]
    if form == 5:
        lines = ["try:", f"    {a} = {w.int(e)} // ({w.int(e)} % 2)", f"except ZeroDivisionError as {b}:"]
        return [*lines, f"    {a} = len({b}.args)", f"return {a} % 997"]
    if form == 6:
        [c] = w.local(*hidden, a, b)
        body = w.int(e.inner(c).bind(c), 1)
        return [f"{a} = [{b} := {body} for {c} in range(3)]", f"return len({a}) + {b} % 97"]
    if form == 7:
        return [f"class {a}:", f"    got = {w.int(e.body())}", f"    {b} = got", f"return {a}.got % 997"]
    if form == 8:
        return [f"match {w.seq(e)}:", f"    case [{a}, *{b}]: return {a}", "return 3"]
    if form == 9:
        return [f"import math as {a}", f"return {a}.gcd({w.int(e)}, 24)"]
    if form == 10:
        lines = [f"if {w.int(e)} % 2:", f"    {a} = {w.int(e)}", f"    del {a}", f"    return {w.int(e)} % 97"]
        return [*lines, f"return (lambda {a}, *{b}, **c_: {a})({w.int(e)}) % 997"]
    if form == 11:
        lines = [f"with open('/dev/null') as {a}:", f"    {b} = {a}.read()"]
        return [*lines, f"return len({b}) + {w.int(e)} % 97"]
    return [f"return ({w.int(e)}) % 997"]


def parameters(w: Writer, env: Env) -> tuple[str, list[str]]:
    """A signature whose first parameter is the only one without a default."""
    p, q, r = w.local(count=3)
    form = w.below(6)
    default = w.int(env, 1)
    if form == 1:
        return f"{p}, {q}={default}", [p, q]
    if form == 2:
        return f"{p}: {w.annotation(env)}, /, *, {q}: {w.annotation(env)} = {default}", [p, q]
    if form == 3:
        return f"{p}, {q}={default}, {r}={w.int(env, 0)}", [p, q, r]
    return p, [p]


def function(w: Writer, env: Env) -> Lines:
    name = w.fresh()
    signature, names = parameters(w, env)
    returns = w.pick(["", "", f" -> {w.annotation(env)}"])
    decorator = [f"@{w.pick([*env.of('dec'), '(lambda inner: inner)'])}"] if w.below(4) == 1 else []
    body = function_body(w, env, names)
    env.bind(name, kind="fun")
    return [*decorator, f"def {name}({signature}){returns}:", *indent(body)]


def plain_function(w: Writer, env: Env) -> Lines:
    """It reads nothing before it is called."""
    name = w.fresh()
    [p] = w.local()
    form = w.below(3)
    if form == 1:
        lines = [f"{name} = lambda {p}: {w.int(env.inner(p).bind(p))} % 997"]
    elif form == 2:
        lines = [f"def {name}({p}):", f"    '''Of {p}.'''"]
        lines += indent(function_body(w, env, [p]))
    else:
        lines = [f"def {name}({p}):", *indent(function_body(w, env, [p]))]
    env.bind(name, kind="fun")
    return lines


def recursive(w: Writer, env: Env) -> Lines:
    one, two = w.fresh(), w.fresh()
    [p] = w.local(one, two)
    inner = env.inner(p, one, two).bind(p)
    env.bind(one, two, kind="fun")
    return [
        f"def {one}({p}): return {two}(abs({p}) % 5 - 1) if {p} else {w.int(inner)} % 997",
        f"def {two}({p}):",
        f"    return {one}(0) if {p} <= 0 else {one}({p} // 2) + {w.int(inner, 1)}",
    ]


def decorator(w: Writer, env: Env) -> Lines:
    name = w.fresh()
    f, p = w.local(count=2)
    inner = env.inner(f)
    inner.bind(f, kind="fun")
    inner = inner.inner(p).bind(p)
    env.bind(name, kind="dec")
    wrapped = f"lambda {p}, **rest: {f}({p}) + {w.int(inner, 1)}"
    return [f"def {name}({f}):", "    import functools", f"    return functools.wraps({f})({wrapped})"]


def closure(w: Writer, env: Env) -> Lines:
    name = w.fresh()
    p, q = w.local(name, count=2)
    first = w.int(env, 1)
    outer = env.inner(p, q).bind(p)
    inner = outer.inner(q).bind(q)
    body = [f"{w.pick(['', f'{p} = {p}; '])}return lambda {q}: ({w.int(inner)}) % 997"]
    if w.below(2):
        body = [f"def {name}({q}=0):", *indent(function_body(w, outer, [q])), f"return {name}"]
        lines = [f"def _make({p}):", *indent(body), f"{name} = _make({first})"]
    else:
        lines = [f"def _make({p}):", *indent(body), f"{name} = _make({first})"]
    env.bind(name, kind="fun")
    return lines


def generator(w: Writer, env: Env) -> Lines:
    name, result = w.fresh(), w.fresh()
    [p] = w.local(name)
    [q] = w.local(p, name)
    inner = env.inner(p, q).bind(p)
    lines = [f"def {name}({p}):", f"    yield {w.int(inner)}", f"    yield from {w.seq(inner)}"]
    lines += [f"    {q} = yield {w.int(inner)}", f"    return {w.int(inner, 1)}"]
    env.bind(name, kind="gen")
    lines += [f"{result} = list({name}({w.int(env, 1)}))"]
    env.bind(result, kind="seq")
    return lines


def asynchronous(w: Writer, env: Env) -> Lines:
    name, result = w.fresh(), w.fresh()
    [p] = w.local(name)
    [q] = w.local(p, name)
    inner = env.inner(p, q).bind(p)
    one = inner.inner(q).bind(q)
    await_ = f"await {w.pick(inner.of('coro'))}({w.int(inner, 1)})" if inner.of("coro") else f"{w.int(inner)}"
    lines = ["import asyncio as _asyncio", "import contextlib as _tools"]
    lines += ["async def _steps(p):", "    for q in range(3): yield p + q"]
    lines += [f"async def {name}({p}):"]
    lines += [
        [f"    return {await_}"],
        [f"    {q} = [{w.int(one, 1)} async for {q} in _steps({p})]", f"    return sum({q}) % 997"],
        [f"    async for {q} in _steps({w.int(inner, 1)}): pass", f"    return {q}"],
        [f"    async with _tools.nullcontext({await_}) as {q}: return {q} % 997"],
        [f"    {q} = await _asyncio.sleep(0, {w.int(inner)})", f"    return {q} % 997"],
    ][w.below(5)]
    env.bind(name, kind="coro")
    lines += [f"{result} = _asyncio.run({name}({w.int(env, 1)}))"]
    env.bind(result)
    return lines


# Classes ------------------------------------------------------------------------------------------------------------


def methods(w: Writer, env: Env) -> Lines:
    """`.value` and `.get`, in a class body."""
    p, q = w.local("self", count=2)
    inner = env.inner(p, q).bind(p)
    init = ["def __init__(self, " + p + "):", f"    self.value = ({w.int(inner)}) % 997"]
    get = [f"def get(self, {q}):", *indent(function_body(w, env.inner("self"), [q]))]
    return [*init, *get]


def class_(w: Writer, env: Env) -> Lines:
    name = w.fresh()
    body = env.body()
    around = dict(body.names)
    lines = []
    for _ in range(w.below(4)):
        attribute = w.pick([each for each in LOCAL if each not in ("get", "value", OWN)])
        form = w.below(6)
        if form == 1 and around.get(attribute) == body.names.get(attribute) == "int":
            lines += [f"{attribute} = {attribute}"]  # the module's, then the class's own
        elif form == 2:
            [p] = w.local()
            first = w.seq(body)
            lines += [f"{attribute} = [{w.int(body.inner(p).bind(p))} for {p} in {first}]"]
            body.names[attribute] = "seq"
            continue
        elif form == 3:
            lines += [f"{attribute}: {w.annotation(body)} = {w.int(body)}"]
        elif form == 4 and around.get(attribute) == body.names.get(attribute) == "int":
            lines += [f"if {w.int(body, 1)} % 2:", f"    {attribute} = 3", f"{attribute} = {attribute} + 1"]
        elif form == 5:
            lines += [f"for {attribute} in {w.seq(body)}: pass"]
        else:
            lines += [f"{attribute} = {w.int(body)}"]
        body.bind(attribute)
    bases, prefix = "", []
    form = w.below(6)
    if form == 1 and env.of("cls"):
        bases = f"({w.pick(env.of('cls'))})"
        lines += ["def twice(self): return super().get(2) + __class__.get(self, 1)"]
    elif form == 2:
        prefix = [f"@{w.pick(['(lambda inner: inner)', '(_mark := lambda inner: inner)'])}"]
    elif form == 3:
        prefix = ["class _Meta(type):", "    def __new__(cls, *rest, **words): return super().__new__(cls, *rest)"]
        bases = f"(metaclass=_Meta, word={w.int(env, 1)})"
    lines += methods(w, body)
    body.bind("get", kind="none")
    if w.below(3) == 1:
        lines += ["@property", f"def kind(self): return {w.int(body.inner('self'))}"]
        lines += ["@staticmethod", f"def still({OWN}={w.int(body, 1)}): return {w.int(body.inner(OWN).bind(OWN))}"]
    env.bind(name, kind="cls")
    return [*prefix, f"class {name}{bases}:", *indent(lines)]


def plain_class(w: Writer, env: Env) -> Lines:
    """It reads nothing before it is called."""
    name = w.fresh()
    body = env.body()
    lines = [f"class {name}:", *indent(methods(w, body))]
    env.bind(name, kind="cls")
    return lines


def dataclass_(w: Writer, env: Env) -> Lines:
    name, made = w.fresh(), w.fresh()
    body = env.body()
    lines = ["from dataclasses import dataclass as _dataclass", "@_dataclass(order=True)", f"class {name}:"]
    lines += [f"    value: {w.annotation(body)}", f"    more: int = {w.int(body)}"]
    lines += [f"    def get(self, n): return ({w.int(body.inner('self', 'n').bind('n'))} + self.more) % 997"]
    env.bind(name, kind="cls")
    lines += [f"{made} = {name}({w.int(env, 1)}, more=2)"]
    env.bind(made, kind="none")
    return lines


def private(w: Writer, env: Env) -> Lines:
    """What is read of `_own` is the group's own, whenever it is read."""
    name, result = w.fresh(), w.fresh()
    [p] = w.local(name, OWN)
    lines = [f"_kept = {w.int(env)}", f"def _half({p}): return ({p} + _kept) // 2"]
    inner = env.inner(p).bind(p, "_kept")
    lines += [f"def {name}({p}): return (_half({w.int(inner, 1)}) + _kept) % 997"]
    lines += [f"{result} = [_half({OWN}) for {OWN} in range(4)]"]
    env.bind(name, kind="fun").bind(result, kind="seq")
    return lines


EAGER: list[Callable[[Writer, Env], Lines]] = [
    assign, assign, chain, annotate, augment, unpack, walrus, condition, loop, attempt, manage, match, delete, imports,
    global_write, function, function, recursive, decorator, closure, generator, asynchronous, class_, class_,
    dataclass_, private,
]  # fmt: skip
LAZY: list[Callable[[Writer, Env], Lines]] = [plain_function, plain_class]


CALLED = ("fun", "gen", "cls", "coro", "dec")
DEPTH = 2  # functions that call functions that call functions may take for ever


def program(data: bytes) -> tuple[list[Group], Counter[str]]:
    """Groups in an order in which they run as cells or as a module, and which statements are in them."""
    w = Writer(data)
    env = Env({})
    groups: list[Group] = []
    depths: dict[str, int] = {}
    for _ in range(3 + w.below(6)):
        lines: Lines = []
        deferred = w.below(5) == 1
        for _ in range(1 if deferred else 1 + w.below(2)):
            if len(w.left) > 12:
                forms = LAZY if deferred else EAGER
                form = forms[w.below(len(forms))]
                before = set(env.names)
                new = form(w, env)
                w.used[form.__name__] += 1
                depth = 1 + max((depths.get(word, 0) for word in re.findall(r"\w+", "\n".join(new))), default=0)
                for name in env.names.keys() - before:
                    if env.names[name] in CALLED:
                        depths[name] = depth
                        if depth > DEPTH:
                            env.names[name] = "none"
                lines += new
        groups.append(Group(lines, deferred))
    return groups, w.used


def as_module(groups: list[Group], data: bytes) -> str:
    """One text. Deferred groups may come before what they read, and `_own` is one variable for each group."""
    w = Writer(data)
    texts: list[str] = []
    for number, group in enumerate(groups):
        place = w.below(len(texts) + 1) if group.deferred else len(texts)
        texts.insert(place, local_to(number, "\n".join(group.lines)))
    return "\n".join(texts)


def local_to(cell: int, source: str) -> str:
    """The source with its private names, `_x`, made its own: `own3_x`."""
    return re.sub(r"(?<![\w.])_(?=[A-Za-z])", f"own{cell}_", source)
