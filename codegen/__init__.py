"""A developer tool, not in the wheel: writes `pixxel_async/models` and `pixxel_async/_endpoints` from `openapi/pixxel.yaml`."""
