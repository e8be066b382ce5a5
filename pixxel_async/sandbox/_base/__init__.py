"""What every part of the sandbox may use: time, faults, refusals, the spec."""
