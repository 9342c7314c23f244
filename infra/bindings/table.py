"""The binding table: every request and the handler that answers it, with the ports it needs."""

from __future__ import annotations

from domain.kernel.messages import Binding
from infra.bindings import auth, catalog, connections, mappings, migrations, projects
from infra.bindings.ports import Ports


def bindings(ports: Ports) -> tuple[Binding, ...]:
    """Return the table."""
    slices = (auth, projects, connections, catalog, mappings, migrations)
    return tuple(binding for slice_ in slices for binding in slice_.bindings(ports))
