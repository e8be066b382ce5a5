"""All handlers by operationId."""

from __future__ import annotations

from pixxel_async.sandbox._routes import (
    aois,
    catalogs,
    insights,
    orders,
    projects,
    search,
    visualizations,
    workflows,
)
from pixxel_async.sandbox._routes.call import Handlers

_MODULES = (
    projects,
    search,
    aois,
    visualizations,
    insights,
    workflows,
    orders,
    catalogs,
)


def all_handlers() -> Handlers:
    """The handlers of all modules together."""
    joined = Handlers()
    for module in _MODULES:
        joined.update(module.routes)
    return joined
