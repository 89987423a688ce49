"""Files of an answer, and the progress line."""

import io
from pathlib import Path

import pytest
from answer_builders import no_answer, rich_answer
from rich.console import Console

from advisor.outputs.costs import costs_csv, safe
from advisor.outputs.files import BINARY_FILES, FILES, FOLDERS, write_files
from advisor.outputs.progress import ProgressView, progress_words


def test_every_file_of_the_table_is_written(tmp_path: Path):
    """The directory is made, each file is there in UTF-8 with plain line feeds, and nothing else is left behind."""
    folder = tmp_path / "new" / "out"

    written = write_files(rich_answer(), folder)

    assert sorted(written) == sorted(folder.iterdir())
    assert [folder / name for name in (*FILES, *BINARY_FILES, *FOLDERS)] == written
    texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name not in BINARY_FILES]
    assert all(text.endswith(b"\n") and b"\r" not in text for text in texts)


def test_what_the_user_keeps_in_a_folder_stays(tmp_path: Path):
    """A second answer replaces the files of the first, and leaves alone what is not the product's."""
    write_files(rich_answer(), tmp_path)
    site = tmp_path / "terraform" / "site.auto.tfvars.json"
    site.write_text("{}")
    write_files(no_answer("infeasible"), tmp_path)

    assert site.read_text() == "{}"
    assert "nothing is rented" in (tmp_path / "terraform" / "NOTICE.md").read_text(encoding="utf-8")


def test_files_are_replaced(tmp_path: Path):
    """A second answer replaces the files of the first."""
    write_files(rich_answer(), tmp_path)
    write_files(no_answer("infeasible"), tmp_path)

    assert "No plan" in (tmp_path / "report.md").read_text(encoding="utf-8")
    assert len((tmp_path / "costs.csv").read_text(encoding="utf-8").splitlines()) == 1


def test_a_file_in_the_way_is_named(tmp_path: Path):
    """Where the directory's name is a file, the error names it, and the file keeps what it had."""
    (tmp_path / "out").write_text("mine")

    with pytest.raises(OSError, match="Cannot make the directory") as caught:
        write_files(rich_answer(), tmp_path / "out")

    assert str(tmp_path / "out") == caught.value.filename
    assert (tmp_path / "out").read_text() == "mine"


def test_a_directory_in_the_way_is_named(tmp_path: Path):
    """Where a file's name is a directory, the error names it and no half-written file stays."""
    (tmp_path / "report.md").mkdir()

    with pytest.raises(OSError, match="Cannot write the file") as caught:
        write_files(rich_answer(), tmp_path)

    assert str(tmp_path / "report.md") == caught.value.filename
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", " ="])
def test_formulas_are_disarmed(start: str):
    """A text that a spreadsheet would run as a formula begins with an apostrophe."""
    assert safe(f"{start}1").startswith("'")
    assert safe("pretrain-7b") == "pretrain-7b"


def test_costs_have_their_segment():
    """A line of a segment has its place and period; a line of none leaves them empty."""
    rows = [row.split(",") for row in costs_csv(rich_answer()).splitlines()]

    assert "spot" in rows[4]
    assert "use1-az4" in rows[4]
    assert rows[-1].count("") >= 14


def test_progress_words():
    """Progress says the best total, the least possible and the gap between them, as far as they are known."""
    assert progress_words("solving", None, None, 0.2) == "solving | 0 s"
    assert progress_words("solving", 2000, 1900, 12) == "solving | best $2,000 | at least $1,900 | gap 5.0 % | 12 s"


def test_progress_is_silent_where_nobody_looks():
    """On a stream that is no terminal nothing is written."""
    stream = io.StringIO()
    with ProgressView(Console(file=stream)) as view:
        view.update("solving", 1.0, 1.0)

    assert stream.getvalue() == ""


def test_progress_shows_on_a_terminal_and_leaves_it_clean():
    """On a terminal the line shows what the last callback said; an error inside leaves the cursor visible."""
    stream = io.StringIO()

    def fail() -> None:
        with ProgressView(Console(file=stream, force_terminal=True, width=100, legacy_windows=False)) as view:
            view.update("solving [x]", 2000.0, None)
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert "solving [x] | best $2,000" in stream.getvalue()
    assert stream.getvalue().rindex("\x1b[?25h") > stream.getvalue().rindex("solving")
