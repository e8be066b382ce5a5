"""Certificates of an authority that lives as long as the test run: no key is kept in the repository."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme

AUTHORITY = trustme.CA()


def server_tls(name: str = "127.0.0.1") -> ssl.SSLContext:
    """TLS of a server whose certificate is for `name`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(name).configure_cert(context)
    return context


def authority_file(folder: Path) -> Path:
    """A PEM file with the authority's certificate."""
    path = folder / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(path))
    return path
