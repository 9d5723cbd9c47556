"""Data to HTML: outputs, cells, and the fragments that keep an open page up to date."""
