"""Pages for people: HTML made on the server, every text escaped, no script, nothing fetched from elsewhere."""
