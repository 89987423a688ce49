"""The files of an answer: one table says which there are, each written whole or not at all."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from advisor.outputs.costs import costs_csv
from advisor.outputs.markdown import report_markdown
from advisor.recommendation import Recommendation


def recommendation_json(recommendation: Recommendation) -> str:
    """Write the document itself, keys in the order of the contract."""
    return json.dumps(recommendation.document(), indent=2, ensure_ascii=False) + "\n"


FILES: dict[str, Callable[[Recommendation], str]] = {
    "recommendation.json": recommendation_json,
    "report.md": report_markdown,
    "costs.csv": costs_csv,
}


def write_files(recommendation: Recommendation, directory: Path) -> list[Path]:
    """Write every file of the table into the directory, which is made where it is missing.

    Raises:
        OSError: a file or the directory cannot be written; it names the path and the cause.
    """
    texts = {directory / name: write(recommendation) for name, write in FILES.items()}
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(error.errno, f"Cannot make the directory ({error.strerror})", str(directory)) from error
    for path, text in texts.items():
        _write_whole(path, text)
    return list(texts)


def _write_whole(path: Path, text: str) -> None:
    """Write beside the file, then put it in its place: a reader sees the old file or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(error.errno, f"Cannot write the file ({error.strerror})", str(path)) from error
