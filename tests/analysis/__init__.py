"""The analysis of cells: names, placeholders, tables, and what is refused."""
