"""The vocabulary that every room shares: what a resource type, a scope, a coverage state and a plan *are*.

Nothing here imports anything of ours, and nothing here needs more than the standard library, so that a pane can use
it without paying for AWS, the store or the analytics.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal

ColumnType = Literal["text", "integer", "number", "boolean", "time", "tags", "list"]
Json = dict[str, Any]

GLOBAL_REGION = "global"
"""The region under which rows of global kinds (IAM, Cost Explorer) are kept."""

IMPORTED = "imported"
"""The account under which rows are kept that came from files: they are nobody's, and need no credentials to read."""

INSTANTS = "use now, -30m, -2d, 14:02 or 2026-11-20T14:02Z"
"""The forms in which an instant may be said."""


def no_time(text: str) -> str:
    """What is said of a text that names no instant."""
    return f"{text!r} is not a time; {INSTANTS}."


class Health(StrEnum):
    """How a resource is doing, as its kind's rules judge it. Never shown by colour alone."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"


class CoverageState(StrEnum):
    """What is known about one (account, region, kind): an empty table is never mistaken for a denied one."""

    OK = "ok"
    EMPTY = "empty"
    DENIED = "denied"
    THROTTLED = "throttled"
    UNSUPPORTED = "unsupported"
    DISABLED = "disabled"
    ERROR = "error"
    PENDING = "pending"

    @property
    def good(self) -> bool:
        """Whether a sweep that ended so saw everything there was: only such a sweep closes what vanished."""
        return self in (CoverageState.OK, CoverageState.EMPTY)


_IAM_PREFIXES = {
    "elbv2": "elasticloadbalancing",
    "elb": "elasticloadbalancing",
    "service-quotas": "servicequotas",
}


_IAM_ACTIONS = {
    ("s3", "ListBuckets"): "s3:ListAllMyBuckets",
    ("s3", "GetBucketEncryption"): "s3:GetEncryptionConfiguration",
    ("s3", "GetBucketLifecycleConfiguration"): "s3:GetLifecycleConfiguration",
    ("s3", "GetPublicAccessBlock"): "s3:GetBucketPublicAccessBlock",
    ("budgets", "DescribeBudgets"): "budgets:ViewBudget",
}
"""Where the action is not called as the operation is."""


def iam_action(service: str, operation: str) -> str:
    """The IAM action that allows an operation, `service` being botocore's name: elbv2 → elasticloadbalancing:…"""
    if (named := _IAM_ACTIONS.get((service, operation))) is not None:
        return named
    return f"{_IAM_PREFIXES.get(service, service)}:{operation}"


class Risk(StrEnum):
    """The rung of the confirm ladder on which an action stands."""

    REVERSIBLE = "reversible"
    TRAFFIC = "traffic"
    DESTRUCTIVE = "destructive"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a kind.

    name      the column's id: in the store, in filters, in sort, in exports
    title     what stands above it, where that is not the name; filters and sorts know it too (see `column_called`)
    path      JMESPath into one element of the response; see also `Call.items`
    type      how it is stored and compared; `tags` is a map of text to text, `list` a list of text
    unit      "USD/h", "GiB", "s", …; empty for none. USD stands for what AWS bills the partition in
    volatile  a counter or last-used time: kept current, but a change of it alone makes no new version
    narrow    shown even on an 80-column terminal
    """

    name: str
    path: str
    type: ColumnType = "text"
    help: str = ""
    unit: str = ""
    title: str = ""
    volatile: bool = False
    narrow: bool = False

    @property
    def heading(self) -> str:
        return self.title or self.name.replace("_", " ")


class NoSuchColumn(LookupError):
    """A word names no column, or more than one: a sentence that says which ones it may have meant."""


def column_called(word: str, headings: Mapping[str, str]) -> str:
    """The name of the column that a word means, `headings` being name → heading: a name, else a heading of one column.

    Blanks in a heading are written as `_`; case does not matter. NoSuchColumn where that leaves none or several.
    """
    if word in headings:
        return word
    wanted = _plain(word)
    meant = [wanted] if wanted in headings else [name for name in headings if _plain(headings[name]) == wanted]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise NoSuchColumn(f"{word!r} is the heading of more than one column: write {' or '.join(meant)}.")
    near = _nearest_columns(wanted, headings)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(sorted(headings))}."
    raise NoSuchColumn(f"There is no column {word!r}; {hint}")


def _plain(word: str) -> str:
    return word.lower().replace(" ", "_")


def _nearest_columns(word: str, headings: Mapping[str, str]) -> list[str]:
    """At most three columns whose name or heading resembles the word, the nearest first; else those that hold it."""
    import difflib  # only for a mistake: a pane starts without it

    names = {_plain(heading): name for name, heading in headings.items()} | {name: name for name in headings}
    near = difflib.get_close_matches(word, names, 3, 0.6)
    held = [spelt for spelt in names if len(word) > 1 and word in spelt]
    return list(dict.fromkeys(names[spelt] for spelt in near or held))[:3]


@dataclass(frozen=True, slots=True)
class Call:
    """One step of how a kind is read.

    operation   AWS's own operation name, "DescribeInstances"
    items       JMESPath from the response to the list of elements (a single object counts as a list of one)
    parameters  fixed request parameters; in texts `{now}`, `{today}` and `{since}`, with an offset as `{now-14d}` and
                `:day` for the date alone, stand for instants (`since`: see `Window` and `Series`), `{account}` and
                `{region}` for where the sweep is
    arguments   request parameters taken from an element of the previous step: parameter name → JMESPath
    keep        fields carried from the element of the previous step into this one's: field name → JMESPath
    page        (parameter, size) where the operation takes a page size, as ("MaxResults", 1000)
    service     botocore's name of the service, where it is not the kind's
    within      JMESPath from the response to enclosing elements; `items` is then read from each of them
    inherit     fields taken from the enclosing element: field name → JMESPath
    batch       how many elements of the previous step one request asks about; more than one needs `ask`
    ask         what arguments cannot say: elements of the previous step → request parameters
    answer      what items cannot say: (elements asked about, pages of the answer) → elements
    where       JMESPath; an element of the previous step for which it is false is not asked about: it goes on with what
                is kept of it, or no further where nothing is
    optional    a denial leaves this step's fields empty instead of ending the sweep
    singly      a denial is of the one resource asked about, as by a bucket's policy: the others are asked all the same,
                and its element tells the action in a list under `Denied`
    absent      error codes by which AWS says that there is none, as "NoSuchEntity" for an account without a password
                policy: no elements in a first step, empty fields in a later one
    not_yet     error codes by which AWS says that it is still making the answer: asked again, a few times, in a while
    texts       fields of an element whose text is JSON: they become what it says, before anything else reads them
    free        not charged, though the kind is `paid`
    charged     USD of a request with these parameters, where it depends on them; at most the kind's `paid`
    newest_first  JMESPath to the time of an element, where AWS tells the newest first and cannot be told where to
                begin: after a page on which all are older than the kind's window reaches, no other is asked for

    An element that is not an object, as a name from a list of names, becomes `{"value": element}`.
    """

    operation: str
    items: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[str, str] = field(default_factory=dict)
    page: tuple[str, int] | None = None
    service: str = ""
    within: str = ""
    inherit: Mapping[str, str] = field(default_factory=dict)
    batch: int = 1
    ask: Callable[[Sequence[Json]], Json] | None = None
    answer: Callable[[Sequence[Json], Sequence[Json]], Iterable[Json]] | None = None
    where: str = ""
    optional: bool = False
    singly: bool = False
    absent: tuple[str, ...] = ()
    not_yet: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    free: bool = False
    charged: Callable[[Json], float] | None = None
    newest_first: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A health rule: the first whose filter (the same language as `/`) matches decides; none matching is `ok`."""

    state: Health
    when: str
    why: str


@dataclass(frozen=True, slots=True)
class Relation:
    """`column` of this kind names resources of another kind by their `target` column.

    ends_if   a boolean column that says whether a resource ends with the one that it names, "" where that is not known
    ended     (column, how its text begins) by which a resource says that the one that it names has ended; () for none
    """

    column: str
    kind: str
    target: str = "id"
    ends_if: str = ""
    ended: tuple[()] | tuple[str, str] = ()

    @property
    def by_name(self) -> bool:
        """Whether it holds only within the account and region of the resource, as other ones may bear the same name.

        An identifier that AWS gave, an ARN or an address on either side is nobody else's.
        """
        return not any(
            column in ("arn", "url", "dns") or column.endswith(("_id", "_arn", "_ip"))
            for column in (self.column, self.target)
        )


@dataclass(frozen=True, slots=True)
class Series:
    """Points that a kind's elements also are: appended to the series of that name, the newest being the row.

    `time` is the column that dates a point, `value` the measured column; the kind's key says whose point it is.
    `lookback_days` is how far the first poll reaches back.
    """

    name: str
    time: str
    value: str
    lookback_days: int


_LIMIT = re.compile(r"(>=|<=|>|<)(-?\d+(?:\.\d+)?)")
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    **{">": operator.gt, ">=": operator.ge},
    **{"<": operator.lt, "<=": operator.le},
}


@dataclass(frozen=True, slots=True)
class Watched:
    """A metric of CloudWatch worth seeing beside a resource: it is asked for while somebody looks at that resource.

    namespace, name, statistic  AWS's own
    dimensions  dimension's name → JMESPath into the resource's element; where one gives no text there is no such metric
    title       what it is called beside its figures
    unit        of a value, as of a column's; empty for a count
    bad, warn   which value is bad, or deserves a look, as ">0" or "<=20"; "" where none does by itself
    when        JMESPath into the element: it is there only where this gives true; "" for everywhere
    sparse      CloudWatch tells of it only where there was something to tell: no point means no event
    """

    namespace: str
    name: str
    statistic: str
    dimensions: Mapping[str, str]
    title: str
    help: str
    unit: str = ""
    bad: str = ""
    warn: str = ""
    when: str = ""
    sparse: bool = False

    @property
    def id(self) -> str:
        """What tells it from a resource's other metrics: "CPUUtilization.Average"."""
        return f"{self.name}.{self.statistic}"

    def judged(self, value: float) -> Health:
        """What a value means by itself."""
        if _reached(self.bad, value):
            return Health.BAD
        return Health.WARN if _reached(self.warn, value) else Health.OK

    def as_json(self) -> Json:
        """The part of the declaration that a client needs."""
        told = {name: getattr(self, name) for name in ("id", "title", "help", "unit", "bad", "warn", "sparse")}
        return told | {"namespace": self.namespace, "name": self.name, "statistic": self.statistic}


def _reached(limit: str, value: float) -> bool:
    """Whether a value is what ">=90" says; ValueError for what is no limit."""
    if not limit:
        return False
    found = _LIMIT.fullmatch(limit)
    if found is None:
        raise ValueError(f"{limit!r} is no limit; one is written as >0, >=90 or <5.")
    return _COMPARISONS[found[1]](value, float(found[2]))


@dataclass(frozen=True, slots=True)
class Window:
    """How far back a kind that sees only a window reads: `first_days` at the first poll, later from `again_days` and
    `again_minutes` before the last good sweep, because what is not closed yet may still change or come late."""

    first_days: int
    again_days: int = 0
    again_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Log:
    """What a kind's elements are where each happened once and never changes: events, which AWS gives newest first.

    time    the column that dates an element
    days    how long after that it is kept
    pages   the most that one sweep reads; coverage says what is older and was not
    late    minutes by which AWS may tell of one late
    """

    time: str
    days: int
    pages: int
    late: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of AWS resource, declared once; store table, screen table, `ls`, docs, coverage and history follow.

    key         columns that identify a resource within (account, region); joined with "/" they are its id
    calls       how it is read, one step feeding the next; none where it is not polled but imported from files
    everywhere  regional (one sweep per region) or global (one per account, kept under region "global")
    cadence     seconds between polls when nobody looks closer
    redact      JMESPaths of fields whose values are secrets: never stored, never shown
    closes      False where a sweep sees only a window (daily costs): such a sweep closes nothing
    window      how far back such a sweep reads
    log         set where its elements are events: kept for a time of their own, never compared again
    paid        USD per request at most, for operations that cost money
    summary     True where it only sums up what other kinds are: its changes are told where they are asked for by name
    watched     metrics that are shown beside a resource while somebody looks at it
    on_demand   never polled by itself: AWS is asked about what somebody looks at, see `SweepTask.about`
    arn         template over {partition} {account} {region} and any column, empty where AWS has none
    """

    name: str
    title: str
    service: str
    calls: tuple[Call, ...]
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    regional: bool = True
    cadence: int = 300
    redact: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()
    health: tuple[Rule, ...] = ()
    series: Series | None = None
    closes: bool = True
    window: Window | None = None
    log: Log | None = None
    paid: float = 0.0
    summary: bool = False
    arn: str = ""
    sort: str = ""
    help: str = ""
    watched: tuple[Watched, ...] = ()
    on_demand: bool = False

    @property
    def table(self) -> str:
        """The kind's name as an SQL identifier."""
        return self.name.replace(".", "_")

    def column(self, name: str) -> Column:
        """The column of that name; KeyError names the columns there are."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}; it has {', '.join(c.name for c in self.columns)}")

    @property
    def polled(self) -> bool:
        """Whether AWS is asked for it; what is not comes from files and belongs to nobody."""
        return bool(self.calls)

    @property
    def permissions(self) -> tuple[str, ...]:
        """The IAM actions that polling this kind needs."""
        return tuple(dict.fromkeys(iam_action(call.service or self.service, call.operation) for call in self.calls))

    def as_json(self) -> Json:
        """The part of the declaration that a client needs."""
        return {
            "name": self.name,
            "title": self.title,
            "service": self.service,
            "operations": [call.operation for call in self.calls],
            "key": list(self.key),
            "columns": [asdict(column) | {"heading": column.heading} for column in self.columns],
            "regional": self.regional,
            "cadence": self.cadence,
            "relations": [asdict(relation) for relation in self.relations],
            "health": [asdict(rule) for rule in self.health],
            "permissions": list(self.permissions),
            "sort": self.sort or self.key[0],
            "arn": self.arn,
            "help": self.help,
            "watched": [watched.as_json() for watched in self.watched],
            "on_demand": self.on_demand,
        }


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """One resource: kind, account, region and its id within them. Written `kind@account/region/id`."""

    kind: str
    account: str
    region: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind}@{self.account}/{self.region}/{self.id}"

    @classmethod
    def parse(cls, text: str) -> Ref:
        """The reverse of `str`; ValueError says what the form is."""
        kind, at, rest = text.partition("@")
        parts = rest.split("/", 2)
        if not at or len(parts) != 3 or not all((kind, *parts)):
            raise ValueError(f"{text!r} is not a resource reference; the form is kind@account/region/id")
        return cls(kind, *parts)


@dataclass(frozen=True, slots=True)
class Scope:
    """A set of (account, region). `region` "global" is part of every scope that has the account."""

    pairs: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Scope:
        return cls(frozenset(pairs))

    @property
    def accounts(self) -> tuple[str, ...]:
        return tuple(sorted({account for account, _ in self.pairs}))

    @property
    def regions(self) -> tuple[str, ...]:
        return tuple(sorted({region for _, region in self.pairs if region != GLOBAL_REGION}))

    def holds(self, account: str, region: str) -> bool:
        return (account, region) in self.pairs or (region == GLOBAL_REGION and account in self.accounts)

    def narrowed(self, accounts: Iterable[str] = (), regions: Iterable[str] = ()) -> Scope:
        """The part of this scope in the given accounts and regions; an empty argument does not narrow."""
        keep_accounts, keep_regions = set(accounts), set(regions)
        return Scope.of(
            (account, region)
            for account, region in self.pairs
            if (not keep_accounts or account in keep_accounts)
            and (not keep_regions or region in keep_regions or region == GLOBAL_REGION)
        )

    def as_json(self) -> list[list[str]]:
        return [list(pair) for pair in sorted(self.pairs)]


@dataclass(frozen=True, slots=True)
class Account:
    """What STS and DescribeRegions answered for one profile of a context, or one role that it assumes.

    `role` is the ARN of a role that Quarterdeck itself assumes, with the credentials of `profile`; "" for the profile's
    own account.
    `state` is "ok", "none" (no credentials found), "expired", "denied" or "error"; `problem` is a sentence for people.
    One without a number whose role is of account "*" is the organization itself: whether it could be listed, and what
    is wrong with what is chosen of it.
    `expires` is UTC ISO 8601 where the credentials end, else "".
    `unheard` names what AWS did not tell, of "regions" and "alias": the first are a guess then, the other is "".
    """

    account: str
    arn: str = ""
    alias: str = ""
    profile: str = ""
    regions: tuple[str, ...] = ()
    state: str = "ok"
    problem: str = ""
    expires: str = ""
    role: str = ""
    unheard: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What tells it from the others where no alias is known."""
        return self.role or self.profile or self.account or "default"

    def answers_to(self, word: str) -> bool:
        """Whether a person may mean it by that word: its number, its alias, or the profile whose own account it is."""
        return word in filter(None, (self.account, self.alias, "" if self.role else self.profile))

    def as_json(self) -> Json:
        return asdict(self) | {"regions": list(self.regions), "unheard": list(self.unheard)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Account:
        lists = {name: tuple(value.get(name, ())) for name in ("regions", "unheard")}
        return cls(**{**value, **lists})


@dataclass(frozen=True, slots=True)
class Coverage:
    """How one sweep of (account, region, kind) ended; `problem` is a sentence naming the action denied or the error.

    since   from when on a sweep that sees only a window has read everything, ISO 8601; empty for all others
    skew    seconds by which AWS's clock was ahead of ours, as its answers were dated
    """

    account: str
    region: str
    kind: str
    state: CoverageState
    problem: str = ""
    rows: int = 0
    calls: int = 0
    retries: int = 0
    seconds: float = 0.0
    cost: float = 0.0
    since: str = ""
    skew: float = 0.0


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One exact AWS request of a plan and the `aws` command that would send the same."""

    service: str
    operation: str
    parameters: Json
    command: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One field before and after a plan."""

    ref: str
    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Plan:
    """What an action would do, complete and exact, before anything is sent.

    `preconditions` are the facts the plan rests on (field → value read from AWS when it was made): executing reads them
    again and refuses a stale plan. `monthly_cost_change` is in `currency`, None for unpriced, its source beside it.
    `inverse` is the (action, parameters) that takes it back, or None.
    """

    id: str
    action: str
    title: str
    risk: Risk
    account: str
    region: str
    targets: tuple[str, ...]
    parameters: Json
    calls: tuple[PlannedCall, ...]
    differences: tuple[Difference, ...]
    preconditions: tuple[Json, ...]
    blast_radius: tuple[str, ...]
    monthly_cost_change: float | None
    cost_source: str
    warnings: tuple[str, ...]
    inverse: Json | None
    made_at: str
    context: str = ""
    currency: str = "USD"

    def as_json(self) -> Json:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Plan:
        return cls(
            **{
                **value,
                "risk": Risk(value["risk"]),
                "targets": tuple(value["targets"]),
                "calls": tuple(PlannedCall(**call) for call in value["calls"]),
                "differences": tuple(Difference(**difference) for difference in value["differences"]),
                "preconditions": tuple(value["preconditions"]),
                "blast_radius": tuple(value["blast_radius"]),
                "warnings": tuple(value["warnings"]),
            }
        )
