"""Reads a document from text: YAML 1.2 (core schema) or JSON, into plain dicts, lists and scalars.

PyYAML parses; what it resolves is ours, since its own loader follows YAML 1.1 (`no` is false, `12:30` is 750,
`140e9` is text). Tags are refused, aliases bounded, a key given twice is an error with its line and column.
"""

import json
import math
import re
from pathlib import Path
from typing import Any, NoReturn

import yaml

from advisor.errors import DocumentInvalid, Fault

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 40
MAX_ALIASES = 1_000
MAX_NODES = 200_000

INTEGER = re.compile(r"[-+]?[0-9][0-9_]*")
OCTAL = re.compile(r"0o[0-7]+")
HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?")
INFINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)")
NOT_A_NUMBER = re.compile(r"\.(?:nan|NaN|NAN)")
MAX_DIGITS = 60

# libyaml where PyYAML was built with it: a document of 2 MiB takes a second instead of a minute.
LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_document(path: Path, *, kind: str = "plan") -> Any:
    """Read a file of at most 2 MiB.

    Raises:
        DocumentInvalid: unreadable, too large, not UTF-8, or broken syntax (with line and column).
    """
    name = str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        cure = (
            f"give the path of a {kind} document; `advisor init {name}` writes one"
            if kind == "plan"
            else "check the path"
        )
        raise DocumentInvalid(name, [Fault("", f"cannot be read ({error.strerror}); {cure}")]) from None
    return read_text(raw, name)


def read_text(raw: bytes | str, name: str) -> Any:
    """Read the bytes or text of a document; `name` is how messages call it."""
    text = _decode(raw, name)
    if text.lstrip()[:1] == "{":
        return _read_json(text, name)
    return _read_yaml(text, name)


def _fail(name: str, message: str, path: str = "") -> NoReturn:
    raise DocumentInvalid(name, [Fault(path, message)])


def _decode(raw: bytes | str, name: str) -> str:
    size = len(raw) if isinstance(raw, bytes) else len(raw.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        _fail(name, "is larger than 2 MiB; split the plan, or move data out of it")
    try:
        text = raw.decode("utf-8-sig") if isinstance(raw, bytes) else raw
    except UnicodeDecodeError as error:
        _fail(name, f"is not UTF-8 text (byte {error.start}); save it as UTF-8")
    if "\x00" in text:
        _fail(name, "holds a NUL character; it is not a text document")
    return text


def _read_json(text: str, name: str) -> Any:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) < len(items):
            keys = [key for key, _ in items]
            twice = next(key for key in keys if keys.count(key) > 1)
            _fail(name, f"the key {twice[:60]!r} is given twice in one mapping; keep one")
        return found

    def constant(word: str) -> NoReturn:
        _fail(name, f"{word} is not a number that a plan can use; write a finite one")

    def number(digits: str) -> float:
        value = float(digits)
        if not math.isfinite(value):
            _fail(name, f"{digits[:40]} is too large a number")
        return value

    def integer(digits: str) -> int:
        if len(digits) > MAX_DIGITS:
            _fail(name, f"{digits[:20]}… has more than {MAX_DIGITS} digits")
        return int(digits)

    try:
        return json.loads(text, object_pairs_hook=pairs, parse_constant=constant, parse_float=number, parse_int=integer)
    except json.JSONDecodeError as error:
        # Flow-style YAML starts with a brace too, so it gets its chance before the text is called broken.
        try:
            return _read_yaml(text, name)
        except DocumentInvalid:
            _fail(name, f"line {error.lineno}, column {error.colno}: broken JSON ({error.msg})")
    except RecursionError:
        _fail(name, f"is nested deeper than {MAX_DEPTH} levels")


def _read_yaml(text: str, name: str) -> Any:
    loader = LOADER(text)
    try:
        events = _bounded_events(loader, name)
        if not events:
            _fail(name, "is empty; `advisor init` writes a plan to start from")
        node = yaml.compose(text, Loader=LOADER)
        if node is None:
            _fail(name, "is empty; `advisor init` writes a plan to start from")
        return _Builder(name).build(node, 0)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        _fail(name, f"{where}broken YAML ({error.problem or error.context})")
    except yaml.reader.ReaderError as error:
        _fail(name, f"holds a character that YAML forbids (#x{error.character:04x} at {error.position})")
    except RecursionError:
        _fail(name, f"is nested deeper than {MAX_DEPTH} levels")
    finally:
        loader.dispose()


def _bounded_events(loader: Any, name: str) -> int:
    """Count the parser's events before anything is built: depth, aliases, tags, one document."""
    depth = aliases = documents = count = 0
    while loader.check_event():
        event = loader.get_event()
        count += 1
        where = f"line {event.start_mark.line + 1}, column {event.start_mark.column + 1}: "
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                _fail(name, f"{where}holds more than one document; keep one")
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
            if aliases > MAX_ALIASES:
                _fail(name, f"{where}more than {MAX_ALIASES} aliases; write the values out")
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                _fail(name, f"{where}nested deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        tag = getattr(event, "tag", None)
        if tag is not None:
            _fail(name, f"{where}tags such as {tag[:40]!r} are not allowed; write the plain value")
        if count > MAX_NODES:
            _fail(name, f"{where}more than {MAX_NODES:,} items")
    return count


class _Builder:
    """Builds plain values from composed nodes; every alias is expanded and counted."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.built = 0

    def build(self, node: yaml.Node, depth: int) -> Any:
        self.built += 1
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if self.built > MAX_NODES:
            _fail(self.name, f"line {line}, column {column}: aliases expand to more than {MAX_NODES:,} items")
        if depth > MAX_DEPTH:
            _fail(self.name, f"line {line}, column {column}: nested deeper than {MAX_DEPTH} levels")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, depth + 1) for item in node.value]
        assert isinstance(node, yaml.ScalarNode)  # noqa: S101  the parser knows three kinds of node
        if node.style:
            return node.value
        return self._plain(node.value, f"line {line}, column {column}: ")

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            where = f"line {key_node.start_mark.line + 1}, column {key_node.start_mark.column + 1}: "
            if not isinstance(key_node, yaml.ScalarNode):
                _fail(self.name, f"{where}a key must be a plain word")
            key = key_node.value
            if key in found:
                _fail(self.name, f"{where}the key {key[:60]!r} is given twice in one mapping; keep one")
            found[key] = self.build(value_node, depth + 1)
        return found

    def _plain(self, text: str, where: str) -> Any:
        """Resolve a plain scalar by the core schema of YAML 1.2, and digits grouped by underscores."""
        if text in {"", "~", "null", "Null", "NULL"}:
            return None
        if text in {"true", "True", "TRUE"}:
            return True
        if text in {"false", "False", "FALSE"}:
            return False
        if INFINITE.fullmatch(text) or NOT_A_NUMBER.fullmatch(text):
            _fail(self.name, f"{where}{text} is not a number that a plan can use; write a finite one")
        if len(text) > MAX_DIGITS:
            return text
        if INTEGER.fullmatch(text):
            return int(text.replace("_", ""))
        if OCTAL.fullmatch(text) or HEXADECIMAL.fullmatch(text):
            return int(text, 0)
        if FLOAT.fullmatch(text):
            value = float(text.replace("_", ""))
            if not math.isfinite(value):
                _fail(self.name, f"{where}{text} is too large a number")
            return value
        return text
