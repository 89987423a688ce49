"""The weekly planning report: what moved, what the open plans cost now and why, and which prices are too old."""
