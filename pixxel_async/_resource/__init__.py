"""What resource methods are built from: paging, polling, creates that are sent once."""
