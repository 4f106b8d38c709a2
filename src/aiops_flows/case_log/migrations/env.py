"""Runs the migrations on the connection that the case log gives, inside its transaction."""

from alembic import context

from aiops_flows.case_log.schema import VERSION_TABLE
from aiops_flows.case_log.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
)
context.run_migrations()
