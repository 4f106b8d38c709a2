"""Migrations of the case log, run by alembic when a log is opened; `triggers` holds their SQL."""
