"""The advice: from a training plan to a verified recommendation."""

__version__ = "0.1.0"
