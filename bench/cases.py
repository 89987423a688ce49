"""Seeded problems of the shared generator, which lies beside the checkout and is never copied."""

import json
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from solver import Problem
from solver.documents import read_problem

GENERATOR = Path(__file__).parents[2] / "shared" / "tools" / "plan_cases.py"


@cache
def _generator() -> Any:
    specification = spec_from_file_location("plan_cases", GENERATOR)
    if specification is None or specification.loader is None or not GENERATOR.exists():
        raise SystemExit(f"needs the shared generator beside this checkout: {GENERATOR.name} was not found")
    module = module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def problem(kind: str, seed: int, **parameters: int) -> Problem:
    """Generate a problem of this kind (common, plan, tiny, core) and seed."""
    return read_problem(json.dumps(getattr(_generator(), kind)(seed, **parameters)))
