"""What the actions are handed: a way to call AWS, a journal, a clock, prices; and how they say no."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from backends.model import Account, Json

Clock = Callable[[], datetime]
Sleep = Callable[[float], Awaitable[None]]

HOURS_A_MONTH = 730
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Client.UnauthorizedOperation"})
THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "SlowDown",
    }
)
_LONGEST_MESSAGE = 600


class CallAws(Protocol):
    """Send one request and return its response.

    Raises an exception that carries what `failure_of` reads: `code`, `message`, `http_status` and `outcome_known`,
    which is False where the request may have reached AWS although no answer came back. The caller sees every failure:
    whatever implements this must not send a mutating request twice by itself.
    """

    def __call__(
        self, account: str, region: str, service: str, operation: str, parameters: Json, /
    ) -> Awaitable[Json]: ...


class Journal(Protocol):
    """The audit log: `append` returns only after the sealed record is durable; `records` are all, oldest first."""

    async def append(self, entry: Json) -> Json: ...

    async def records(self) -> Sequence[Json]: ...


@dataclass(frozen=True, slots=True)
class Price:
    """What one instance costs by the hour, and where the figure comes from ("AWS price list, 2026-11-01")."""

    hourly: float
    source: str


class PriceLookup(Protocol):
    """The hourly price of an instance type, or None where it is not known.

    `product` is AWS's product description ("Linux/UNIX", "Windows"); `spot` asks for the current spot price.
    """

    def __call__(self, region: str, instance_type: str, product: str, spot: bool, /) -> Awaitable[Price | None]: ...


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, as the kernel says it of the peer of the socket."""

    uid: int
    user: str
    pid: int

    def as_json(self) -> Json:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Desk:
    """One credential context as the actions see it.

    context   its id; a plan made at one desk is never executed at another
    call      sends requests with these credentials
    accounts  account id → what STS said of it
    endpoint  "" for real AWS; else the `aws` commands name it, so that pasting one never reaches the wrong AWS
    price     hourly prices, where there is a price list
    currency  what these prices are in
    """

    context: str
    call: CallAws
    accounts: Mapping[str, Account]
    endpoint: str = ""
    price: PriceLookup | None = None
    currency: str = "USD"


_STATUS = {"read-only": 403, "not-found": 404, "unknown-plan": 404, "no-record": 404, "denied": 403, "aws-error": 502}


class Refused(Exception):
    """An action that will not be planned or carried out; `message` is one sentence for the operator."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = clipped(message)
        super().__init__(self.message)

    @property
    def status(self) -> int:
        """The HTTP status that says the same: 400 for bad input, 403, 404, 409 for a refusal, 502 for AWS."""
        return 400 if self.code.startswith("bad-") else _STATUS.get(self.code, 409)


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong with one request. `known` is False where AWS may have carried it out all the same."""

    code: str
    message: str
    known: bool
    http_status: int = 0

    @property
    def denied(self) -> bool:
        return self.code in DENIED or self.http_status == 403 or self.code == "403"

    @property
    def throttled(self) -> bool:
        return self.known and (self.code in THROTTLED or self.http_status == 429)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code

    def as_json(self) -> Json:
        return {"code": self.code, "message": self.message, "outcome_known": self.known}


def failure_of(error: Exception) -> Failure:
    """Read a failure off whatever `CallAws` raised; anything unrecognised counts as an unknown outcome."""
    code = str(getattr(error, "code", "") or type(error).__name__)
    message = clipped(str(getattr(error, "message", "") or error))
    status = getattr(error, "http_status", 0)
    # A throttled request was turned away at the door, also where AWS says so with a 5xx (EC2's RequestLimitExceeded).
    known = getattr(error, "outcome_known", False) is True or code in THROTTLED
    return Failure(clipped(code, 80), message, known, status if isinstance(status, int) else 0)


def clipped(text: str, longest: int = _LONGEST_MESSAGE) -> str:
    """Text from AWS on one line, without control characters, of bounded length."""
    flat = " ".join("".join(sign if sign.isprintable() else " " for sign in text[: longest * 2]).split())
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"


@dataclass(frozen=True, slots=True)
class Aws:
    """Read requests in one account and region."""

    desk: Desk
    account: str
    region: str
    notes: list[str] = field(default_factory=list)

    async def call(self, service: str, operation: str, **parameters: Any) -> Json:
        return await self.desk.call(self.account, self.region, service, operation, parameters)

    async def pages(
        self, service: str, operation: str, items: str, *, marker: bool = False, limit: int = 50, **parameters: Any
    ) -> list[Json]:
        """The elements under `items` of every page; `marker` where AWS continues by NextMarker, not by NextToken."""
        found: list[Json] = []
        told, asked = ("NextMarker", "Marker") if marker else ("NextToken", "NextToken")
        for _ in range(limit):
            answer = await self.call(service, operation, **parameters)
            found.extend(answer.get(items) or [])
            if not answer.get(told):
                return found
            parameters[asked] = answer[told]
        raise Refused("aws-error", f"{service} {operation} did not end after {limit} pages; narrow the targets.")

    async def aside(self, what: str, request: Awaitable[Any]) -> Any:
        """Read something that would only inform; where that fails, note that `what` is unknown and go on with None."""
        try:
            return await request
        except Exception as error:
            self.notes.append(f"{what} could not be read ({failure_of(error).code}): treat it as unknown.")
            return None


def utc(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and "Z"."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The reverse of `utc`."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
