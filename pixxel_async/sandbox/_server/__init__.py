"""The HTTP server: requests in, faults, responses out."""
