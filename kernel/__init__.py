"""Everything that runs user code, or reasons about it: pure Python, importable without Django."""
