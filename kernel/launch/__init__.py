"""Where kernels run: starting them quickly, talking to them, noticing that they have gone."""
