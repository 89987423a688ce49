"""What a request needs of the application: settings, the desk, the archive, the price book."""

from collections.abc import Iterator
from typing import Annotated, cast

from fastapi import Depends, Request

from advisor.archive import Archive
from advisor.settings import Settings
from api.desk import Desk
from api.repeats import Repeats
from pricing.store import PriceBook


def _settings(request: Request) -> Settings:
    return cast(Settings, request.app.state.settings)


def _desk(request: Request) -> Desk:
    return cast(Desk, request.app.state.desk)


def _repeats(request: Request) -> Repeats:
    return cast(Repeats, request.app.state.repeats)


def _archive(request: Request) -> Iterator[Archive]:
    archive = Archive.open(_settings(request).database_url)
    try:
        yield archive
    finally:
        archive.close()


def _book(request: Request) -> Iterator[PriceBook]:
    with PriceBook.open(_settings(request).database_url) as book:
        yield book


SettingsOf = Annotated[Settings, Depends(_settings)]
DeskOf = Annotated[Desk, Depends(_desk)]
RepeatsOf = Annotated[Repeats, Depends(_repeats)]
ArchiveOf = Annotated[Archive, Depends(_archive)]
BookOf = Annotated[PriceBook, Depends(_book)]
