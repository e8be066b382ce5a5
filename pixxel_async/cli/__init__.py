"""The `pixxel` command: a terminal's view of the SDK (extra `cli`)."""
