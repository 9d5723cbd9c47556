"""Pages: each view fetches with access, guards, changes, saves and responds."""
