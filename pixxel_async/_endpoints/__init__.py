"""One class per resource, one method per call.

Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one.
"""

from pixxel_async._endpoints.aois import AOIs
from pixxel_async._endpoints.archives import Archives
from pixxel_async._endpoints.assets import Assets
from pixxel_async._endpoints.bandsets import Bandsets
from pixxel_async._endpoints.blocks import Blocks
from pixxel_async._endpoints.catalogs import Catalogs
from pixxel_async._endpoints.deliveries import Deliveries
from pixxel_async._endpoints.downloads import Downloads
from pixxel_async._endpoints.indices import Indices
from pixxel_async._endpoints.insights import Insights
from pixxel_async._endpoints.jobs import Jobs
from pixxel_async._endpoints.order_items import OrderItems
from pixxel_async._endpoints.orders import Orders
from pixxel_async._endpoints.projects import Projects
from pixxel_async._endpoints.reports import Reports
from pixxel_async._endpoints.satellites import Satellites
from pixxel_async._endpoints.search import Search
from pixxel_async._endpoints.status import Status
from pixxel_async._endpoints.stores import Stores
from pixxel_async._endpoints.tasks import Tasks
from pixxel_async._endpoints.visualizations import Visualizations
from pixxel_async._endpoints.workflows import Workflows

__all__ = [
    "AOIs",
    "Archives",
    "Assets",
    "Bandsets",
    "Blocks",
    "Catalogs",
    "Deliveries",
    "Downloads",
    "Indices",
    "Insights",
    "Jobs",
    "OrderItems",
    "Orders",
    "Projects",
    "Reports",
    "Satellites",
    "Search",
    "Status",
    "Stores",
    "Tasks",
    "Visualizations",
    "Workflows",
]
