"""HTML as a small tree: enough to swap fragments as htmx does, and to compare pages."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

VOID = frozenset({"input", "img", "br", "hr", "meta", "link", "col", "wbr"})


class Element:
    """`children` holds elements and texts."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list[Element | str] = []
        self.parent: Element | None = None

    def __repr__(self) -> str:
        return f"<{self.tag} {self.attributes}>"

    def append(self, child: Element | str) -> None:
        if isinstance(child, Element):
            child.parent = self
        elif self.children and isinstance(self.children[-1], str):
            self.children[-1] += child
            return
        self.children.append(child)

    def elements(self) -> list[Element]:
        return [child for child in self.children if isinstance(child, Element)]

    def walk(self) -> Iterator[Element]:
        yield self
        for child in self.elements():
            yield from child.walk()

    def remove(self) -> None:
        assert self.parent is not None
        self.parent.children = [child for child in self.parent.children if child is not self]
        self.parent = None

    def replace(self, other: Element) -> None:
        parent = self.parent
        assert parent is not None
        parent.children = [other if child is self else child for child in parent.children]
        other.parent, self.parent = parent, None

    def by_id(self, key: str) -> Element | None:
        return next((each for each in self.walk() if each.attributes.get("id") == key), None)

    def by_class(self, name: str) -> list[Element]:
        return [each for each in self.walk() if name in each.attributes.get("class", "").split()]

    def by_attribute(self, name: str, value: str | None = None) -> list[Element]:
        return [
            each
            for each in self.walk()
            if name in each.attributes and (value is None or each.attributes[name] == value)
        ]

    def by_tag(self, tag: str) -> list[Element]:
        return [each for each in self.walk() if each.tag == tag]

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("root", {})
        self.place = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.place.append(element)
        if tag not in VOID:
            self.place = element

    def handle_endtag(self, tag: str) -> None:
        assert self.place.tag == tag, f"</{tag}> ends <{self.place.tag}>"
        assert self.place.parent is not None
        self.place = self.place.parent

    def handle_data(self, data: str) -> None:
        self.place.append(data)


def parse(html: str) -> Element:
    """A root with everything in it. What is not balanced is an AssertionError: our own HTML always is."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert parser.place is parser.root, f"<{parser.place.tag}> is not closed"
    return parser.root


def look(element: Element, without: frozenset[str] = frozenset()) -> object:
    """What two elements are compared by; neighbouring spans of one class count as one."""
    children: list[object] = []
    for child in element.children:
        seen: object = child if isinstance(child, str) else look(child, without)
        last = children[-1] if children else None
        if isinstance(seen, tuple) and isinstance(last, tuple) and seen[0] == "span" and seen[:2] == last[:2]:
            children[-1] = (*seen[:2], _joined(last[2], seen[2]))
        else:
            children.append(seen)
    attributes = tuple(sorted((k, v) for k, v in element.attributes.items() if k not in without))
    return (element.tag, attributes, tuple(children))


def _joined(one: tuple[object, ...], other: tuple[object, ...]) -> tuple[object, ...]:
    if one and other and isinstance(one[-1], str) and isinstance(other[0], str):
        return (*one[:-1], one[-1] + other[0], *other[1:])
    return (*one, *other)
