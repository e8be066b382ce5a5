"""Measurements of the SDK as ratios to bare aiohttp and orjson, taken side by side in one run."""
