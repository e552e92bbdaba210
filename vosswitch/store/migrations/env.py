"""Alembic's entry: runs migrations on the connection that `vosswitch.store.migrations` hands over."""

from __future__ import annotations

from alembic import context

from vosswitch.store import schema
from vosswitch.store.migrations import ours
from vosswitch.store.revision import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    version_table=VERSION_TABLE,
    include_name=lambda name, kind, _parents: ours(name, kind),
    compare_type=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
