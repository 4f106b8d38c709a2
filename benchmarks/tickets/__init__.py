"""Benchmarks of customer service: routing, summaries, replies, many tickets at once, and one at a time."""
