"""Business processes that run on the library: each file declares one, and is read from top to bottom."""
