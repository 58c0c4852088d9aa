"""A poll that brought another price, and nothing else, is news: screens hear of it and forecasts are made again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backends.aws.tasks import Page, SweepEnd, SweepTask
from backends.daemon.events import Events
from backends.daemon.loopwatch import LoopWatch
from backends.daemon.polling import Polling
from backends.daemon.triples import Triple
from backends.store import Store
from tests.unit.store_world import ACCOUNT, BOX, REGION, covered, open_store, page


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    yield store
    store.close()


class Lanes:
    """Both lanes in this thread."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def write(self, work: Callable[[Store], Any]) -> Any:
        return work(self.store)

    read = write


class Collector:
    """Answers every sweep with one page of one element."""

    def __init__(self, element: dict[str, Any]) -> None:
        self.element = element

    async def sweep(self, task: SweepTask) -> AsyncIterator[Page | SweepEnd]:
        yield Page(page(BOX, [self.element]), 1)
        yield SweepEnd(covered(BOX))


async def heard(store: Store, *elements: dict[str, Any]) -> list[int]:
    """How often `noticed` was called after each of these polls."""
    news: list[str] = []
    contexts = SimpleNamespace(failed=lambda entry: None)
    polling = Polling(
        Lanes(store),  # type: ignore[arg-type]
        Events(),
        contexts,  # type: ignore[arg-type]
        {BOX.name: BOX},
        LoopWatch(),
        news.append,
    )
    triple, counts = Triple(ACCOUNT, REGION, BOX), []
    for element in elements:
        await polling._sweep(triple, SimpleNamespace(collector=Collector(element)))  # type: ignore[arg-type]
        counts.append(len(news))
    return counts


async def test_a_volatile_column_that_moved_is_news_and_one_that_stood_still_is_not(store: Store) -> None:
    box = {"id": "b1", "name": "box", "hits": 1}
    assert await heard(store, box, box, box | {"hits": 2}, box | {"hits": 2}) == [1, 1, 2, 2]
