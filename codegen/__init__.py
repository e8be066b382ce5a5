"""Writes `pixxel_async/models` and `pixxel_async/_endpoints` from `openapi/pixxel.yaml`: a tool for developers, not in the wheel."""
