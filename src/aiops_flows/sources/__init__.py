"""How the bytes of a source become rows of raw values, and what was left out on the way."""
