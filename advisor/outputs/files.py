"""The files of an answer: one table says which there are, each written whole or not at all."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from advisor.outputs.costs import costs_csv
from advisor.outputs.focus import focus_csv
from advisor.outputs.html.report import report_html
from advisor.outputs.launch import launch_files
from advisor.outputs.markdown import report_markdown
from advisor.outputs.terraform import terraform_files, zipped
from advisor.outputs.workbook import costs_xlsx
from advisor.recommendation import Recommendation


def recommendation_json(recommendation: Recommendation) -> str:
    """Write the document itself, keys in the order of the contract."""
    return json.dumps(recommendation.document(), indent=2, ensure_ascii=False) + "\n"


FILES: dict[str, Callable[[Recommendation], str]] = {
    "recommendation.json": recommendation_json,
    "report.html": report_html,
    "report.md": report_markdown,
    "costs.csv": costs_csv,
    "focus.csv": focus_csv,
}

BINARY_FILES: dict[str, Callable[[Recommendation], bytes]] = {
    "costs.xlsx": costs_xlsx,
}

FOLDERS: dict[str, Callable[[Recommendation], dict[str, bytes]]] = {
    "terraform": terraform_files,
    "launch": launch_files,
}
"""Folders of an answer: {path in the folder: content}. What else lies in such a folder is the user's and stays."""


def written_names() -> list[str]:
    """Name what can be had as one file: the files, and each folder as a zip."""
    return [*FILES, *BINARY_FILES, *(f"{folder}.zip" for folder in FOLDERS)]


def file_content(recommendation: Recommendation, name: str) -> bytes | None:
    """Return a file, or a folder as a zip that unpacks to it, the same bytes every time; None: no such name."""
    if name in FILES:
        return FILES[name](recommendation).encode()
    if name in BINARY_FILES:
        return BINARY_FILES[name](recommendation)
    folder = name.removesuffix(".zip")
    if folder == name or folder not in FOLDERS:
        return None
    return zipped({f"{folder}/{path}": content for path, content in FOLDERS[folder](recommendation).items()})


def write_files(recommendation: Recommendation, directory: Path) -> list[Path]:
    """Write every file and folder of the tables into the directory, which is made where it is missing.

    Returns the paths of what lies in the directory itself: files, and folders as one.

    Raises:
        OSError: a file or the directory cannot be written; it names the path and the cause.
    """
    contents = {directory / name: write(recommendation).encode() for name, write in FILES.items()}
    contents |= {directory / name: write(recommendation) for name, write in BINARY_FILES.items()}
    for folder, make in FOLDERS.items():
        contents |= {directory / folder / name: content for name, content in make(recommendation).items()}
    for parent in dict.fromkeys([directory, *(path.parent for path in contents)]):
        try:
            parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(error.errno, f"Cannot make the directory ({error.strerror})", str(parent)) from error
    for path, content in contents.items():
        _write_whole(path, content)
    return [directory / name for name in (*FILES, *BINARY_FILES, *FOLDERS)]


def _write_whole(path: Path, content: bytes) -> None:
    """Write beside the file, then put it in its place: a reader sees the old file or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(error.errno, f"Cannot write the file ({error.strerror})", str(path)) from error
