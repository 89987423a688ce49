"""HTTP in, HTTP out. The REST service arrives with a later version."""
