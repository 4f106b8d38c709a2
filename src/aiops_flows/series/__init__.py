"""Pure functions on series: periods, histories of a quantity, what can be told from them, and their picture.

A lowest room, beside texts: it knows nothing of cases, models or the case log.
"""
