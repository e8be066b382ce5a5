"""What every part may use: the clock, the log, calls in flight, files on disk."""
