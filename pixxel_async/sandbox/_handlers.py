"""All handlers by operationId."""

from __future__ import annotations

from pixxel_async.sandbox import (
    _routes_aois,
    _routes_catalogs,
    _routes_insights,
    _routes_orders,
    _routes_projects,
    _routes_search,
    _routes_visualizations,
    _routes_workflows,
)
from pixxel_async.sandbox._call import Handlers

_MODULES = (
    _routes_projects,
    _routes_search,
    _routes_aois,
    _routes_visualizations,
    _routes_insights,
    _routes_workflows,
    _routes_orders,
    _routes_catalogs,
)


def all_handlers() -> Handlers:
    """The handlers of all modules together."""
    joined = Handlers()
    for module in _MODULES:
        joined.update(module.routes)
    return joined
