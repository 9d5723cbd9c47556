"""Which parts of the cage this machine has."""

from __future__ import annotations

import msgspec


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One mechanism: what it does in a few words; `why` it is missing. Not `essential`: others do the same here."""

    name: str
    active: bool
    why: str = ""
    essential: bool = True


class Confinement(msgspec.Struct, frozen=True, kw_only=True):
    """What holds a kernel on this machine."""

    parts: tuple[Part, ...]

    @property
    def missing(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.essential and not part.active)

    @property
    def complete(self) -> bool:
        return not self.missing

    def sentence(self) -> str:
        """What is missing, on one line; '' if nothing is."""
        return "; ".join(f"{part.name}: {part.why}" for part in self.missing)
