"""A sheet of terminal output: headings, tables that never cut a number, bullets; ASCII where the terminal needs it.

User texts only ever become `rich.text.Text`, so no markup in them is interpreted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import ROUNDED, SIMPLE_HEAD, Box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.panel import Panel
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from advisor.outputs.phrases import one_line

ASCII_HEAD = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
ASCII_SPELLINGS = str.maketrans({"·": "-", "…": "...", "\u00d7": "x", "\u2013": "-"})
# Below this width a column of text is a ribbon of syllables.
NARROWEST_TEXT = 14
GAP = 2
WIDEST_PANEL = 120


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What it shows, without spaces at the ends of lines: what is copied or piped is clean."""

    shown: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw line by line, dropping blank ends."""
        for line in console.render_lines(self.shown, options, pad=False):
            while line and not line[-1].text.strip():
                line.pop()
            if line:
                yield from line[:-1]
                yield Segment(line[-1].text.rstrip(), line[-1].style)
            yield Segment.line()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; figures are aligned right, and like whatever is whole they stay on one line."""

    header: str
    figures: bool = False
    whole: bool = False

    @property
    def unbroken(self) -> bool:
        """Whether no cell may be wrapped."""
        return self.figures or self.whole


class Page:
    """Prints parts of a report to one console, in the characters that it can show."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.width = console.width
        self.is_ascii = console.options.ascii_only

    def text(self, words: str, style: str = "") -> Text:
        """Make a text that is shown as it is; what the terminal cannot encode is spelled out."""
        shown = one_line(words)
        if self.is_ascii:
            encoding = self.console.encoding
            shown = shown.translate(ASCII_SPELLINGS).encode(encoding, "backslashreplace").decode(encoding)
        return Text(shown, style=style, overflow="fold")

    def stack(self, *texts: Text) -> Text:
        """Set texts below one another in one cell; empty ones leave no line."""
        return Text("\n", overflow="fold").join(text for text in texts if text)

    def packed(self, phrases: Sequence[Text], width: int) -> list[Text]:
        """Set phrases on as few lines as they need, broken between phrases rather than inside one."""
        lines: list[Text] = []
        for phrase in phrases:
            if lines and lines[-1].cell_len + 3 + phrase.cell_len <= width:
                lines[-1] = Text.assemble(lines[-1], self.text(" · ", "dim"), phrase)
            else:
                lines.append(phrase)
        return lines

    def print(self, text: Text) -> None:
        """Print a text, wrapped at words; a word that is wider than the line is folded."""
        self.console.print(text, overflow="fold", highlight=False)

    def heading(self, words: str, note: str = "") -> None:
        """Begin a section."""
        self.console.print()
        self.print(Text.assemble(self.text(words, "bold"), self.text(f"  {note}" if note else "", "dim")))

    def panel(self, paragraphs: Sequence[Sequence[Text]], style: str) -> None:
        """Frame the answer: paragraphs of phrases."""
        width = min(self.width, WIDEST_PANEL)
        lines = [line for phrases in paragraphs for line in self.packed(phrases, width - 4)]
        body = Text("\n", overflow="fold").join(lines)
        self.console.print(Panel(body, box=ROUNDED, border_style=style, width=width), highlight=False)

    def bullets(self, texts: Sequence[str], style: str = "") -> None:
        """List sentences, each with a hanging indent."""
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for words in texts:
            grid.add_row(self.text(" ·", "dim"), self.text(words, style))
        self.console.print(Trimmed(grid), highlight=False)

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[Text]], *, ruled: Sequence[int] = ()) -> None:
        """Print a table, a blank line before each row in `ruled`; one that is too wide becomes labelled lines."""
        if self._needs(columns, rows) > self.width:
            self._labelled(columns, rows)
            return
        box = ASCII_HEAD if self.is_ascii else SIMPLE_HEAD
        table = Table(box=box, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0), header_style="dim")
        for column in columns:
            table.add_column(
                self.text(column.header),
                justify="right" if column.figures else "left",
                no_wrap=column.unbroken,
                overflow="fold",
            )
        for index, row in enumerate(rows):
            if index in ruled:
                table.add_row(*([""] * len(columns)))
            table.add_row(*row)
        self.console.print(Trimmed(Padding(table, (0, 0, 0, 1))), highlight=False)

    def _needs(self, columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> int:
        """Least width at which no figure is cut and text columns stay readable."""
        needed = 2
        for index, column in enumerate(columns):
            cells = [self.text(column.header), *(row[index] for row in rows)]
            widest = max(line.cell_len for cell in cells for line in cell.split("\n", allow_blank=True))
            needed += GAP + (widest if column.unbroken else min(widest, NARROWEST_TEXT))
        return needed

    def _labelled(self, columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> None:
        """Print each row as lines of header and value."""
        for row in rows:
            for column, cell in zip(columns, row, strict=True):
                if cell:
                    label = self.text(f"{column.header}: " if column.header else "", "dim")
                    self.print(Text.assemble(label, self.text(", ").join(cell.split("\n"))))
            self.console.print()
