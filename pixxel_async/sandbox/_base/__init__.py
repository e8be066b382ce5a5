"""Modules for every part of the sandbox: time, faults, refusals, the spec."""
