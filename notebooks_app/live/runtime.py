"""The small contract for where a kernel runs. It lives with its first implementation, in `kernel.launch`."""

from kernel.launch.contract import Exit, Handle, KernelGone, Runtime

__all__ = ["Exit", "Handle", "KernelGone", "Runtime"]
