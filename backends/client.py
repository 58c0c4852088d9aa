"""The daemon's client: the public Python SDK, and all of the back end that a pane imports.

    client = await connect(DaemonSpec.of(context := gather()), context)
    page = await client.rows("ec2.instance", filter="state=running", sort="-launched", limit=50)

Every method answers what the daemon's JSON says (see ARCHITECTURE.md), and raises BackendError(code, message, status)
where the daemon refuses, or "connection-lost" where it died over what may not be sent twice (see `link`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

from backends.context import (
    Context,
    ContextError,
    base_home,
    config_directory,
    gather,
    private_directory,
    store_home,
)
from backends.launch import (
    LOG_FILE,
    BackendError,
    DaemonSpec,
    announced_pid,
    answers,
    daemon_environment,
    ensure,
    find_socket,
    lock_holder,
)
from backends.link import Link
from backends.reach import SESSION_NAME, SHARE, Organization, Reach, Role
from backends.version import VERSION
from backends.wire import Json

__all__ = [
    "LOG_FILE",
    "SESSION_NAME",
    "SHARE",
    "BackendError",
    "Client",
    "Context",
    "ContextError",
    "DaemonSpec",
    "Json",
    "Organization",
    "Reach",
    "Role",
    "SyncClient",
    "announced_pid",
    "answers",
    "base_home",
    "config_directory",
    "connect",
    "connect_sync",
    "daemon_environment",
    "ensure",
    "find_socket",
    "gather",
    "lock_holder",
    "private_directory",
    "store_home",
]

_P = ParamSpec("_P")
_T = TypeVar("_T")
_LONG = None


async def connect(spec: DaemonSpec, context: Context | None, *, wait: bool = True) -> Client:
    """A client of the running daemon of that store, or of one started now, with the context registered.

    An older daemon is drained and replaced. `wait=False` does not wait for STS where this context is new.
    BackendError: "no-credentials" (401), "other-endpoint" (409), or why the daemon cannot start.
    """
    client = Client(spec, await ensure(spec))
    try:
        status = await client.status()
        if _release(status["version"]) < _release(VERSION):
            await client.replace_daemon(int(status["pid"]))
        if context is not None:
            await client.register(context, wait=wait)
    except BaseException:
        await client.close()
        raise
    return client


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


class Client(Link):
    """One pane's or script's connection to a daemon. Use from one event loop; close when done."""

    # -- the daemon and whose AWS ------------------------------------------------------------------------------------

    async def status(self) -> Json:
        """Version, pid, polling progress, operations and their cost, event-loop stalls."""
        return await self._get("/v1/status")

    async def operations(self, days: int = 1) -> Json:
        """What was asked of AWS, account by account: since the daemon began, and day by day for as many days."""
        return await self._get("/v1/operations", days=days)

    async def shutdown(self, *, drain: bool = True, pid: int = 0) -> Json:
        """Ask the daemon to stop, if `pid` is said only that one; drained, it finishes what it executes first."""
        return await self._post("/v1/shutdown", {"drain": drain, "pid": pid}, again=False)

    async def backup(self, file: str, *, force: bool = False) -> Json:
        """A copy of the store in a file (a whole path), while polls go on → {"file", "bytes", "anchor", "seconds"}."""
        return await self._post("/v1/backup", {"file": file, "force": force}, patience=_LONG, again=False)

    async def compact(self) -> Json:
        """Have the store's file written anew, without its empty room → {"before", "after", "exchanged", "seconds"}.

        Bytes; not exchanged, the file would not have become smaller.
        """
        return await self._post("/v1/compact", {}, patience=_LONG)

    async def replace_daemon(self, pid: int) -> None:
        """Drain the daemon of that pid and start one of this client's version, unless another client was faster."""
        try:
            await self.shutdown(drain=True, pid=pid)
        except BackendError as error:
            if error.code != "connection-lost":
                raise
        while await answers(self._socket) and announced_pid(self.spec.home) == pid:  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.05)
        await self._revive(self._lives)

    # -- what there is -----------------------------------------------------------------------------------------------

    async def kinds(self) -> list[Json]:
        """Every kind's declaration, `Kind.as_json()`."""
        return await self._list("/v1/kinds")

    async def rows(
        self,
        kind: str,
        *,
        filter: str = "",
        sort: str = "",
        at: str = "",
        accounts: Sequence[str] = (),
        regions: Sequence[str] = (),
        offset: int = 0,
        limit: int = 200,
        anchor: str = "",
    ) -> Json:
        """A window of one kind's rows as of an instant: columns, rows, total, coverage, widths, and `unrecorded`: the
        columns of which nothing had been recorded by then.

        `sort` is "column", "-column" or several with commas; `anchor` is a ref whose window is wanted wherever it is.
        """
        return await self._post("/v1/rows", _given(locals()))

    async def find(
        self,
        word: str,
        kinds: Sequence[str] = (),
        *,
        at: str = "",
        accounts: Sequence[str] = (),
        regions: Sequence[str] = (),
    ) -> list[Json]:
        """What has that id, name or ARN: [{"ref", "kind", "account", "region", "id", "name", "gone"}…].

        `gone` is when it was first missed: what is gone is told only where nothing of that name is there.
        """
        found: list[Json] = (await self._get("/v1/find", **_listed(locals())))["matches"]
        return found

    async def resource(self, ref: str, at: str = "", *, last: bool = False) -> Json:
        """One resource: row, raw element, relations, history, flags, and the coverage of its place.

        One that is gone is "not-found", with `last` it is told as it was last known, `gone` saying since when.
        """
        return await self._get("/v1/resource", ref=ref, at=at, last=1 if last else "")

    async def changes(
        self,
        since: str = "-30m",
        until: str = "",
        kinds: Sequence[str] = (),
        limit: int = 500,
        *,
        accounts: Sequence[str] = (),
        regions: Sequence[str] = (),
        counted_from: str = "",
        ref: str = "",
        by: str = "",
    ) -> Json:
        """What was added, changed and removed between two instants, newest first; `ref` is of one resource.

        `by` is a text in the name of whoever did it ("unknown" where CloudTrail does not tell).
        A `since` of "-30m" is before `counted_from` ("now" or an instant), or before `until` where that is not said.
        """
        return await self._get("/v1/changes", **_listed(locals()))

    async def coverage(self, at: str = "", *, accounts: Sequence[str] = (), regions: Sequence[str] = ()) -> Json:
        """How the last sweep of every (account, region, kind) ended."""
        return await self._get("/v1/coverage", **_listed(locals()))

    async def series(self, series: str, market: str, since: str = "", *, at: str = "") -> Json:
        """The points of one series, up to an instant or now: [[time, value], …] with their source and as-of."""
        return await self._get("/v1/series", series=series, market=market, since=since, at=at)

    async def sparks(self, refs: Sequence[str], *, at: str = "") -> Json:
        """24 numbers for each ref that has a series: its last day, before an instant or now."""
        return await self._post("/v1/sparks", {"refs": list(refs), "at": at})

    async def metrics(self, ref: str, hours: int = 3, *, at: str = "", ask: bool = True) -> Json:
        """The metrics of a resource over the last hours: points, newest, least and most of each, and `problem`.

        CloudWatch is asked, at most once a minute (`again`: seconds until it may be), unless `at` is said or not `ask`.
        """
        return await self._get("/v1/metrics", ref=ref, hours=hours, at=at, ask="" if ask else "0")

    async def sql(self, query: str, *, at: str = "") -> Json:
        """One read-only statement → {"columns", "rows", "truncated", "at", "kinds", "coverage"}."""
        return await self._post("/v1/sql", {"query": query, "at": at})

    # -- what it means, of the newest run by `at`; no accounts or regions are all ------------------------------------

    async def forecasts(self, *, at: str = "") -> list[Json]:
        """Every market's latest forecast in a line, its measured skill beside it."""
        return await self._list("/v1/forecasts", at=at)

    async def forecast(self, market: str, *, at: str = "", back: int = 0) -> Json:
        """One market's fan, hour by hour, with history, the naive one and the measured skill of both.

        `back`: the forecast that was made so many hours before the newest, with what came since as `actual`.
        """
        return await self._get("/v1/forecasts", market=market, at=at, back=back or "")

    async def anomalies(self, *, at: str = "", accounts: Sequence[str] = (), regions: Sequence[str] = ()) -> list[Json]:
        """Points of the latest scan that lie outside what was to be expected."""
        return await self._list("/v1/anomalies", **_listed(locals()))

    async def advice(self, *, at: str = "", accounts: Sequence[str] = (), regions: Sequence[str] = ()) -> list[Json]:
        """Recommendations with evidence, monthly saving and, where there is one, the action."""
        return await self._list("/v1/advice", **_listed(locals()))

    async def runs(self, *, at: str = "") -> Json:
        """{"forecasts", "anomalies", "advice"}: run, as-of and when it was made, of the newest run; null for none."""
        return await self._get("/v1/runs", at=at)

    async def pools(
        self, need: str, *, at: str = "", accounts: Sequence[str] = (), regions: Sequence[str] = ()
    ) -> Json:
        """Spot pools for a need ("vcpu>=4 count=20"), the mix over them and its frontier.

        `coverage` says, as that of `rows`, how well what the answer is about was observed; so in the next ones.
        """
        return await self._post("/v1/spot/pools", _given(locals()), patience=_LONG)

    async def scores(self, need: str, *, accounts: Sequence[str] = (), regions: Sequence[str] = ()) -> Json:
        """Ask AWS for the placement scores of a need's whole request, then the same as `pools`."""
        return await self._post("/v1/spot/scores", _given(locals()), patience=_LONG)

    async def risk(
        self,
        hours: int = 24,
        *,
        product: str = "Linux/UNIX",
        at: str = "",
        accounts: Sequence[str] = (),
        regions: Sequence[str] = (),
    ) -> Json:
        """How likely instances of each Spot pool are taken back within so many hours, with the evidence."""
        return await self._post("/v1/spot/risk", _given(locals()), patience=_LONG)

    async def savings(
        self, hours: int = 168, *, at: str = "", accounts: Sequence[str] = (), regions: Sequence[str] = ()
    ) -> Json:
        """The fleet as it runs against on demand, Spot and Savings Plans, USD/h over the next `hours`."""
        return await self._post("/v1/spot/savings", _given(locals()), patience=_LONG)

    async def demand(
        self,
        group: str = "",
        *,
        target: int = 60,
        at: str = "",
        accounts: Sequence[str] = (),
        regions: Sequence[str] = (),
    ) -> Json:
        """The size that Auto Scaling groups will need at `target` % CPU, in 15 min, 24 h and 7 d; of one its week."""
        return await self._post("/v1/spot/demand", _given(locals()), patience=_LONG)

    async def home(self, *, at: str = "", accounts: Sequence[str] = (), regions: Sequence[str] = ()) -> Json:
        """What needs attention, counts, costs and coverage in short."""
        return await self._get("/v1/home", **_listed(locals()))

    async def costs(self, *, at: str = "", accounts: Sequence[str] = (), regions: Sequence[str] = ()) -> Json:
        """Daily costs by service."""
        return await self._get("/v1/costs", **_listed(locals()))

    async def analyze(self, what: Sequence[str] = ("forecasts", "anomalies", "advice"), *, wait: bool = True) -> Json:
        """Run the analytics now → {"forecasts": n, …} once `wait`ed for."""
        return await self._post("/v1/analyze", {"what": list(what), "wait": wait}, patience=_LONG)

    # -- polling -----------------------------------------------------------------------------------------------------

    async def poll(self, kinds: Sequence[str] = (), regions: Sequence[str] = (), *, wait: bool = False) -> Json:
        """Poll now, everything or those kinds → {"tasks", "done", "coverage"}."""
        body = {"kinds": list(kinds), "regions": list(regions), "wait": wait}
        return await self._post("/v1/poll", body, patience=_LONG)

    async def polling(self, paused: bool) -> Json:
        """Pause or resume polling for every client of this daemon."""
        return await self._post("/v1/polling", {"paused": paused})

    async def focus(self, kinds: Sequence[str]) -> Json:
        """Say which kinds are on screen: they are polled more often."""
        return await self._post("/v1/focus", {"kinds": list(kinds)})

    async def import_points(self, series: str, directory: str) -> Json:
        """Take in the Arrow parts that an importer left in `directory` → {"points", "new"}."""
        return await self._post("/v1/import/points", {"series": series, "directory": directory}, patience=_LONG)

    # -- acting ------------------------------------------------------------------------------------------------------

    async def actions(self) -> list[Json]:
        """Declared actions with their parameters and risk."""
        return await self._list("/v1/actions")

    async def plan(self, action: str, targets: Sequence[str], parameters: Mapping[str, Any] | None = None) -> Json:
        """What the action would do, exactly; nothing is sent that changes anything."""
        body = {"action": action, "targets": list(targets), "parameters": dict(parameters or {})}
        return await self._post("/v1/plans", body, patience=_LONG)

    async def planned(self, plan: str) -> Json:
        """A plan made earlier, by its id."""
        return await self._get(f"/v1/plans/{quote(plan, safe='')}")

    async def write_window(self, minutes: float = 60) -> Json:
        """Open an audited write window → {"token", "expires"}. For clients that were started with --write only."""
        return await self._post("/v1/write", {"minutes": minutes}, again=False)

    async def execute(self, plan: str, token: str, confirm: str = "") -> Json:
        """Carry a plan out → {"record", "state", "detail", "steps"}; 403 "read-only" without a valid token."""
        body = {"token": token, "confirm": confirm}
        return await self._post(f"/v1/plans/{quote(plan, safe='')}/execute", body, patience=_LONG, again=False)

    async def undo_plan(self, record: str) -> Json:
        """The plan that takes an executed one back."""
        return await self._post(f"/v1/audit/{quote(str(record), safe='')}/undo", {}, patience=_LONG)

    async def audit(self, limit: int = 200, *, at: str = "") -> list[Json]:
        """The newest audit records, by an instant or now."""
        return await self._list("/v1/audit", limit=limit, at=at)

    async def verify_audit(self) -> Json:
        """Recompute the audit's hash chain → {"ok", "records", "problems"}."""
        return await self._post("/v1/audit/verify", {}, patience=_LONG)


def _listed(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments as a query string has them: lists with commas."""
    return {
        name: value if isinstance(value, str | int) else ",".join(value)
        for name, value in arguments.items()
        if name != "self"
    }


def _given(arguments: dict[str, Any]) -> Json:
    """The arguments that say something, as a request body."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in arguments.items()
        if name != "self" and value not in ("", (), [], None)
    }


def _sync(
    method: Callable[Concatenate[Client, _P], Coroutine[Any, Any, _T]],
) -> Callable[Concatenate[SyncClient, _P], _T]:
    def call(self: SyncClient, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return self.run(method(self.client, *args, **kwargs))

    call.__doc__ = method.__doc__
    return call


class SyncClient:
    """`Client` for code without an event loop: the same methods by name, each blocking. Not for use inside a loop."""

    def __init__(self, spec: DaemonSpec, socket: Path | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self.client = Client(spec, socket)

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run one of the asynchronous client's coroutines to its end."""
        task = self._loop.create_task(work)
        try:
            return self._loop.run_until_complete(task)
        except KeyboardInterrupt:
            task.cancel()
            self._loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
            raise

    def __enter__(self) -> SyncClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and the private loop."""
        if not self._loop.is_closed():
            self.run(self.client.close())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def events(self) -> Iterator[Json]:
        """`Client.events`, blocking between one event and the next."""
        stream = self.client.events()
        while True:
            yield self.run(anext(stream))  # type: ignore[arg-type]

    @property
    def registration(self) -> Json:
        """What registering the context answered: accounts and scope."""
        return self.client.registration

    status = _sync(Client.status)
    operations = _sync(Client.operations)
    register = _sync(Client.register)
    shutdown = _sync(Client.shutdown)
    backup = _sync(Client.backup)
    compact = _sync(Client.compact)
    replace_daemon = _sync(Client.replace_daemon)
    kinds = _sync(Client.kinds)
    rows = _sync(Client.rows)
    find = _sync(Client.find)
    resource = _sync(Client.resource)
    changes = _sync(Client.changes)
    coverage = _sync(Client.coverage)
    series = _sync(Client.series)
    sparks = _sync(Client.sparks)
    metrics = _sync(Client.metrics)
    sql = _sync(Client.sql)
    forecasts = _sync(Client.forecasts)
    forecast = _sync(Client.forecast)
    anomalies = _sync(Client.anomalies)
    advice = _sync(Client.advice)
    runs = _sync(Client.runs)
    pools = _sync(Client.pools)
    scores = _sync(Client.scores)
    risk = _sync(Client.risk)
    savings = _sync(Client.savings)
    demand = _sync(Client.demand)
    home = _sync(Client.home)
    costs = _sync(Client.costs)
    analyze = _sync(Client.analyze)
    poll = _sync(Client.poll)
    polling = _sync(Client.polling)
    focus = _sync(Client.focus)
    import_points = _sync(Client.import_points)
    actions = _sync(Client.actions)
    plan = _sync(Client.plan)
    planned = _sync(Client.planned)
    write_window = _sync(Client.write_window)
    execute = _sync(Client.execute)
    undo_plan = _sync(Client.undo_plan)
    audit = _sync(Client.audit)
    verify_audit = _sync(Client.verify_audit)


def connect_sync(spec: DaemonSpec, context: Context | None, *, wait: bool = True) -> SyncClient:
    """`connect`, blocking."""
    client = SyncClient(spec)
    try:
        client.client = client.run(connect(spec, context, wait=wait))
    except BaseException:
        client.close()
        raise
    return client
