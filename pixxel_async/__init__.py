"""Asyncio-first SDK for Pixxel's hyperspectral imagery API."""
