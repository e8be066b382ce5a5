"""Asyncio-first SDK for Pixxel's hyperspectral imagery API."""

from pixxel_async._clock import Clock
from pixxel_async._retry import RetryPolicy
from pixxel_async.client import PixxelClient

__all__ = ["Clock", "PixxelClient", "RetryPolicy"]
