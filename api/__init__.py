"""HTTP in, HTTP out: the REST service and its pages over `advisor`."""
