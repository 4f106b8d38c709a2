"""Figures of the kit: the conformance suite on every use case, a fresh use case to a scheduled run, the fourth one."""
