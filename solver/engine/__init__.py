"""The engine: reduces a problem, models it, searches it. The only package that knows OR-Tools."""
