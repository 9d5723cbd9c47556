"""Which cells depend on which, and in which order they run."""

from .plan import order
from .topology import Delta, Topology

__all__ = ["Delta", "Topology", "order"]
