"""docs/kinds/: a page per kind, and the list of them."""

from __future__ import annotations

from backends.aws.kinds import KINDS
from backends.model import Column, Kind, Watched
from docs.pages.markdown import code, page, table


def pages() -> dict[str, str]:
    """A page per kind and the index."""
    return {"kinds/README.md": _index()} | {f"kinds/{kind.name}.md": _kind(kind) for kind in KINDS}


def _index() -> str:
    rows = [
        [f"[{kind.name}]({kind.name}.md)", kind.title, " ".join(code(p) for p in kind.permissions)]
        for kind in sorted(KINDS, key=lambda kind: kind.name)
    ]
    about = (
        "What is polled. `quarterdeck ls KIND` lists one, `:KIND` opens its table; each is a view in `quarterdeck sql`."
    )
    return page("# Kinds", about, table(["kind", "", "IAM permissions"], rows))


def _kind(kind: Kind) -> str:
    facts = [
        ["service", kind.service],
        *(_polled(kind) if kind.polled else [["polled", "never: it is imported from files, and needs no credentials"]]),
        ["key", code("/".join(kind.key))],
        ["SQL view", code(kind.table)],
        ["sorted by", code(kind.sort or kind.key[0])],
        *([["costs", f"{kind.paid:g} USD per request"]] if kind.paid else []),
        *([["series", _series(kind)]] if kind.series else []),
        *([["ARN", code(kind.arn)]] if kind.arn else []),
        *([["never stored", ", ".join(code(path) for path in kind.redact)]] if kind.redact else []),
        *(
            [["what a poll no longer shows", "is kept: a poll sees only a part"]]
            if kind.polled and not (kind.closes or kind.on_demand)
            else []
        ),
    ]
    health = [[str(rule.state), code(rule.when), rule.why] for rule in kind.health]
    relations = [
        [code(relation.column), f"[{relation.kind}]({relation.kind}.md)", code(relation.target)]
        for relation in kind.relations
    ]
    return page(
        f"# {kind.name}: {kind.title}",
        kind.help,
        table(["", ""], facts),
        "## Columns",
        table(["column", "type", "unit", ""], [_column(column) for column in kind.columns]),
        "## Health" if health else "",
        "The first rule that matches decides; none matching is ok." if health else "",
        table(["state", "when", "why"], health),
        "## Metrics" if kind.watched else "",
        _METRICS if kind.watched else "",
        table(["metric", "of CloudWatch", "unit", "bad", "look", ""], [_metric(watched) for watched in kind.watched]),
        "## Relations" if relations else "",
        table(["column", "names a", "by its"], relations),
        "## On the command line",
        _shell(kind),
    )


_METRICS = (
    "Asked of CloudWatch while somebody looks at the detail of one, and by `quarterdeck metrics REF`; kept as points "
    "of [cloudwatch.metric](cloudwatch.metric.md)."
)


def _metric(watched: Watched) -> list[str]:
    named = f"{watched.namespace} {watched.name}, {watched.statistic}"
    told = f"{watched.help} Told only where there is something to tell." if watched.sparse else watched.help
    return [
        watched.title,
        named,
        watched.unit,
        *(code(limit) if limit else "" for limit in (watched.bad, watched.warn)),
        told,
    ]


def _polled(kind: Kind) -> list[list[str]]:
    if kind.on_demand:
        asked = "never: asked about what somebody looks at, once a minute at most"
    else:
        asked = f"every {_span(kind.cadence)} when nobody looks closer, more often while it is on screen"
    return [
        ["read with", ", ".join(code(call.operation) for call in kind.calls)],
        ["IAM permissions", ", ".join(code(permission) for permission in kind.permissions)],
        *([] if kind.on_demand else [["scope", "one poll per region" if kind.regional else "one poll per account"]]),
        ["polled", asked],
    ]


def _shell(kind: Kind) -> str:
    lines = (
        f"quarterdeck ls {kind.name} --sort {kind.sort or kind.key[0]}",
        f"quarterdeck changes --since 1d {kind.name}",
        f'quarterdeck sql "select * from {kind.table} limit 10"',
    )
    return "\n".join(["```", *lines, "```"])


def _column(column: Column) -> list[str]:
    told = f"{column.help} (changes of it alone make no history)" if column.volatile else column.help
    return [code(column.name), column.type, column.unit, told.strip()]


def _series(kind: Kind) -> str:
    series = kind.series
    assert series is not None
    if kind.on_demand or not kind.polled:
        return code(series.name)
    return f"{code(series.name)}, first poll {series.lookback_days} days back"


def _span(seconds: int) -> str:
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return f"{count} {unit}s" if count > 1 else unit
    return f"{seconds} seconds"
