"""One call: from an operation to a request, its retries, and the response."""
