"""Benchmarks of planning: forecasts, orders, hierarchies, certificates over time, and many series at once."""
