"""Pure functions on text: threads, clean words, language, personal data, sentences and hashed counts.

The lowest room: it knows nothing of cases, models or the case log.
"""
