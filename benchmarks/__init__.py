"""`make bench`: Cascade beside marimo, Jupyter and bare limits, measured alternately in one run by one client."""
