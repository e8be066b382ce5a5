"""The state of the sandbox: resources, prices and the ledger."""
