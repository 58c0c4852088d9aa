"""Pages of an operation, by botocore's own description of its tokens, one at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from botocore.exceptions import DataNotFoundError, UnknownServiceError

from backends.aws.expressions import compiled
from backends.model import Json

MAX_PAGES = 20_000
_SAME_PAGES, _EMPTY_PAGES = 20, 1000
"""AWS does give pages without anything on them while it looks on, but not for ever, and no page many times over."""
_USUAL_TOKENS = ("NextToken", "NextPageToken", "nextToken", "PaginationToken")


class EndlessPages(Exception):
    """The answer's token leads back to a page already seen, or there is no end in sight."""


class Paging:
    """How one operation is continued."""

    def __init__(self, inputs: list[str], outputs: list[str], more: str = "") -> None:
        self._inputs = inputs
        self._outputs = [compiled(output) for output in outputs]
        self._more = compiled(more) if more else None

    @property
    def token(self) -> str | None:
        """The parameter that alone tells one page from another, None where there is none or several do."""
        return self._inputs[0] if len(self._inputs) == 1 else None

    @classmethod
    def of(cls, loader: Any, client: Any, service: str, operation: str) -> Paging:
        """From botocore's paginators; operations that have none are continued if they take and give a usual token."""
        try:
            described = loader.load_service_model(service, "paginators-1")["pagination"].get(operation)
        except (DataNotFoundError, UnknownServiceError):
            described = None
        if described:
            return cls(
                _listed(described["input_token"]), _listed(described["output_token"]), described.get("more_results", "")
            )
        model = client.meta.service_model.operation_model(operation)
        given = set(model.output_shape.members) if model.output_shape else set()
        taken = set(model.input_shape.members) if model.input_shape else set()
        token = next((name for name in _USUAL_TOKENS if name in given and name in taken), None)
        return cls([token], [token]) if token else cls([], [])

    def following(self, answer: Json) -> Json | None:
        """The parameters that ask for the next page, None at the end. An empty token is an end."""
        if self._more is not None and not self._more(answer):
            return None
        found = {name: read(answer) for name, read in zip(self._inputs, self._outputs, strict=True)}
        return {name: value for name, value in found.items() if value} or None


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


async def pages(
    paging: Paging, send: Callable[[Json], Awaitable[Json]], parameters: Json, operation: str, most: int = 0
) -> AsyncIterator[Json]:
    """Every page that `send` gives for the parameters, at most so many. EndlessPages where a token comes again."""
    seen: set[int] = set()
    following: Json | None = {}
    while following is not None:
        answer = await send(parameters | following)
        yield answer
        following = paging.following(answer)
        if following is None or (most and len(seen) + 1 >= most):
            return
        token = hash(str(sorted(following.items())))
        if token in seen:
            raise EndlessPages(f"{operation} does not end: after {len(seen) + 1} pages its token leads back.")
        if len(seen) + 1 >= MAX_PAGES:
            raise EndlessPages(f"{operation} does not end: it goes on after {MAX_PAGES:,} pages.")
        seen.add(token)


class Monotony:
    """Watches the pages of one answer for a server that gives the same one, or nothing, under ever new tokens."""

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._before: Any = None
        self._times = 0

    def see(self, rows: int, first: Any, last: Any) -> None:
        """One page: how many elements, and what tells the first and the last. EndlessPages where it has been enough."""
        page = (rows, first, last)
        self._times = self._times + 1 if page == self._before else 1
        self._before = page
        if self._times >= (_SAME_PAGES if rows else _EMPTY_PAGES):
            what = "with the same elements" if rows else "with nothing on them"
            raise EndlessPages(f"{self._operation} does not end: {self._times:,} pages {what} came one after another.")
