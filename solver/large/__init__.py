"""Problems too big for one exact model: prices for shared nodes, one plan a job, and the best choice among plans."""
