"""Measurements of the SDK as ratios to bare aiohttp and orjson, measured in the same run."""
