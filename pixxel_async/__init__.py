"""Asyncio-first SDK for Pixxel's hyperspectral imagery API.

    async with PixxelClient() as client:
        async for order in client.orders.list(limit=50): ...

Models are in `pixxel_async.models`, fakes for tests in `pixxel_async.testing`.
"""

from pixxel_async._base.clock import Clock
from pixxel_async._base.version import VERSION
from pixxel_async._download.downloader import SavedFile
from pixxel_async._http.events import RequestEvent, ResponseEvent, RetryEvent, Stats
from pixxel_async._http.operation import Phase
from pixxel_async._http.retry import RetryPolicy
from pixxel_async._resource.multi_wait import MultiWait, WaitResult
from pixxel_async._resource.paging import Page, Paginator
from pixxel_async._resource.polling import PackagePoller, Poller, WaitOptions
from pixxel_async.client import PixxelClient
from pixxel_async.errors import (
    APIError,
    Attempt,
    AuthenticationError,
    BadRequest,
    CallError,
    ClientClosed,
    ConfigurationError,
    Conflict,
    ConnectError,
    ConnectionLost,
    DeadlineExceeded,
    DiskFull,
    DownloadError,
    FileInTheWay,
    GeometryError,
    HookError,
    IntegrityError,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    PaginationError,
    PermissionDenied,
    PixxelError,
    ProtocolError,
    ProxyError,
    RateLimited,
    ResponseTooLarge,
    SchemaError,
    ServerError,
    ServiceUnavailable,
    TlsError,
    TransportError,
    UnexpectedAnswer,
    UnexpectedBody,
    UnexpectedStatus,
    UnknownState,
    WaitError,
    WaitFailed,
    WaitTimeout,
)
from pixxel_async.reconciling import Absent, Ambiguous, Found, Intent, Unresolved

__version__ = VERSION

__all__ = [
    "APIError",
    "Absent",
    "Ambiguous",
    "Attempt",
    "AuthenticationError",
    "BadRequest",
    "CallError",
    "ClientClosed",
    "Clock",
    "ConfigurationError",
    "Conflict",
    "ConnectError",
    "ConnectionLost",
    "DeadlineExceeded",
    "DiskFull",
    "DownloadError",
    "FileInTheWay",
    "Found",
    "GeometryError",
    "HookError",
    "IntegrityError",
    "Intent",
    "InvalidInput",
    "MultiWait",
    "NotFound",
    "OutcomeUnknown",
    "PackagePoller",
    "Page",
    "PaginationError",
    "Paginator",
    "PermissionDenied",
    "Phase",
    "PixxelClient",
    "PixxelError",
    "Poller",
    "ProtocolError",
    "ProxyError",
    "RateLimited",
    "RequestEvent",
    "ResponseEvent",
    "ResponseTooLarge",
    "RetryEvent",
    "RetryPolicy",
    "SavedFile",
    "SchemaError",
    "ServerError",
    "ServiceUnavailable",
    "Stats",
    "TlsError",
    "TransportError",
    "UnexpectedAnswer",
    "UnexpectedBody",
    "UnexpectedStatus",
    "UnknownState",
    "Unresolved",
    "WaitError",
    "WaitFailed",
    "WaitOptions",
    "WaitResult",
    "WaitTimeout",
    "__version__",
]
