"""Small use cases for public streams of data, and a simulated one that never changes: ordinary users of the library."""
