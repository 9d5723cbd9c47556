"""The kernel process: one session's namespace, running one cell at a time. It starts no thread of its own."""
