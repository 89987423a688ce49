"""Benchmarks by name: `python -m bench [NAME …]`. Each is a module with `ABOUT` and `run(arguments)`."""

# Name on the command line: module that owns it. Add yours here.
BENCHMARKS: dict[str, str] = {
    "layouts": "bench.layouts",
    "prices": "bench.prices",
    "solver-common": "bench.solver_common",
    "solver-grid": "bench.solver_grid",
    "solver-baselines": "bench.solver_baselines",
}
