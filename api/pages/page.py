"""Fills a template of this folder; a page may load nothing but its own style, and runs no script."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from api.replies import tagged


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("api.pages", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(request: Request, template: str, **values: Any) -> Response:
    """Return a page; one that the browser has already is not sent again."""
    return tagged(request, filled(template, **values), "text/html; charset=utf-8")


def filled(template: str, **values: Any) -> str:
    """Return a template filled with values, each escaped."""
    return _environment().get_template(template).render(**values)
