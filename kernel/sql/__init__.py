"""The broker's side of SQL: it holds the connections, keeps their limits, and hands out Arrow data."""
