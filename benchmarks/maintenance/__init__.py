"""Benchmarks of maintenance: machine failures, remaining life, what work orders cost, and drift of each machine."""
