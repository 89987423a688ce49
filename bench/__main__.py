"""`python -m bench [NAME [ARGUMENT …]]`: all benchmarks in their short form, or one with its own arguments."""

import argparse
import sys
from importlib import import_module

from bench import BENCHMARKS


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks asked for and return the exit code."""
    known = "\n".join(f"  {name:<18}{import_module(module).ABOUT}" for name, module in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog=f"benchmarks:\n{known}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", choices=list(BENCHMARKS), help="one benchmark; all without")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its own arguments; see NAME --help")
    given = parser.parse_args(arguments)
    for name in [given.name] if given.name else list(BENCHMARKS):
        print(f"\n## {name}\n", flush=True)
        import_module(BENCHMARKS[name]).run(given.arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
