"""The colour scales of the sandbox; the vendor, rio-tiler and matplotlib have the same names."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pixxel_async.sandbox._world.geometry import Floats

_STOPS = {
    "blues": "f7fbff c6dbef 6baed6 2171b5 08306b",
    "cividis": "00224e 35456c 666970 948e77 c8b866 fee838",
    "coolwarm": "3b4cc0 8db0fe dddddd f49a7b b40426",
    "greens": "f7fcf5 c7e9c0 74c476 238b45 00441b",
    "greys": "ffffff d9d9d9 969696 525252 000000",
    "inferno": "000004 420a68 932667 dd513a fca50a fcffa4",
    "magma": "000004 3b0f70 8c2981 de4968 fe9f6d fcfdbf",
    "plasma": "0d0887 6a00a8 b12a90 e16462 fca636 f0f921",
    "rdbu": "67001f d6604d f7f7f7 4393c3 053061",
    "rdylbu": "a50026 f46d43 fee090 e0f3f8 74add1 313695",
    "rdylgn": "a50026 d73027 f46d43 fdae61 fee08b ffffbf d9ef8b a6d96a 66bd63 1a9850 006837",
    "reds": "fff5f0 fcbba1 fb6a4a cb181d 67000d",
    "rplumbo": "b40f5a dc6491 f0c8d7 f5f5f5 c8e1f0 6ea5d2 1e5a96",
    "spectral": "9e0142 f46d43 fee08b e6f598 66c2a5 5e4fa2",
    "terrain": "333399 0294fa 00cc66 ffff99 805c54 ffffff",
    "viridis": "440154 414487 2a788e 22a884 7ad151 fde725",
    "ylgn": "ffffe5 d9f0a3 78c679 238443 004529",
}
COLORMAPS = sorted([*_STOPS, *(f"{name}_r" for name in _STOPS)])
"""All names; `_r` reverses a scale."""


def colors(name: str, positions: Floats) -> NDArray[np.uint8]:
    """Red, green and blue, 0 to 255, at positions from 0 to 1 of a scale; names are case-insensitive.

    Raises:
        ValueError: there is no scale with this name.
    """
    known = name.lower()
    if known not in COLORMAPS:
        raise ValueError(f"no colormap {name!r}; there are {', '.join(COLORMAPS)}")
    stops = np.array([list(bytes.fromhex(stop)) for stop in _STOPS[known.removesuffix("_r")].split()])
    if known.endswith("_r"):
        stops = stops[::-1]
    places = np.linspace(0, 1, len(stops))
    channels = [np.interp(positions, places, stops[:, channel]) for channel in range(3)]
    painted: NDArray[np.uint8] = np.stack(channels, axis=-1).round().astype(np.uint8)
    return painted


def hex_color(rgb: NDArray[np.uint8]) -> str:
    """Red, green and blue as `#rrggbb`."""
    return "#" + bytes(rgb.tolist()).hex()
