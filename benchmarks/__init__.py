"""Speed, measured as ratios of ways that take turns in one process: ``python -m benchmarks`` prints one table."""
