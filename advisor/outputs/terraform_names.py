"""Names and texts as the clouds take them: what had to change carries a short hash, so that no two become one."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence

HASH_LENGTH = 6
# The shortest of the limits that a pool's name meets: a Google Cloud service account, 6 to 30 characters.
LONGEST_POOL_NAME = 30
LONGEST_TAG = 256
LONGEST_LABEL = 63
TAG_MARKS = frozenset("_.:/=+-@")


def slug(text: str) -> str:
    """Spell a text in a-z, 0-9 and single hyphens, beginning with a letter; "pool" where nothing of it is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return words if words[:1].isalpha() else "-".join(filter(None, ["pool", words]))


def pool_names(keys: Sequence[tuple[str, str]]) -> list[str]:
    """Name pools by (what a person calls it, what tells it from all others): the slug of the one, the other's hash.

    A name depends on its own key alone, unless hashes meet; then all of them are longer.
    """
    digests = [hashlib.sha256(identity.encode()).hexdigest() for _, identity in keys]
    length = HASH_LENGTH
    while len({digest[:length] for digest in digests}) < len(set(digests)):
        length += 2
    return [
        f"{slug(text)[: LONGEST_POOL_NAME - length - 1].rstrip('-')}-{digest[:length]}"
        for (text, _), digest in zip(keys, digests, strict=True)
    ]


def aws_tag(text: str) -> str:
    """Return a text as an AWS tag value: letters, digits and spaces of any script, and _ . : / = + - @."""
    kept = "".join(c if _is_tag_character(c) else "_" for c in text).strip()
    return _marked(kept, text, LONGEST_TAG)


def gcp_label(text: str) -> str:
    """Return a text as a Google Cloud label value: lowercase ASCII letters, digits, _ and -."""
    kept = re.sub(r"[^a-z0-9_-]", "_", text.lower())
    return _marked(kept, text, LONGEST_LABEL)


def _is_tag_character(character: str) -> bool:
    return unicodedata.category(character)[0] in "LN" or character == " " or character in TAG_MARKS


def _marked(kept: str, text: str, longest: int) -> str:
    if kept == text and len(kept) <= longest:
        return kept
    mark = f"-{hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]}"
    return kept[: longest - len(mark)] + mark
