"""Execution of a run: each row through its stages."""
