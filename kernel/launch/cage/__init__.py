"""What user code may do: every kernel closes this cage around itself before it runs a line of a notebook."""
