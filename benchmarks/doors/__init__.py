"""The same random table through every door: the same cases, frames and answers."""
