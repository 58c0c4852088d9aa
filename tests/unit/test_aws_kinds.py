"""Every declaration keeps the promises that tables, docs, health and coverage rest on."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from backends.aws import kinds as package
from backends.aws.expressions import compiled
from backends.aws.kinds import KINDS
from backends.daemon.cadence import pace
from backends.model import Kind
from backends.store.filters import Compare, parse
from tests.unit.aws_fakes import session

NAMES = [kind.name for kind in KINDS]
FOUNDATION = {
    "ec2.instance",
    "ec2.volume",
    "ec2.spot_request",
    "autoscaling.group",
    "eks.cluster",
    "eks.nodegroup",
    "iam.user",
    "iam.role",
    "iam.policy",
    "vpc.vpc",
    "vpc.subnet",
    "vpc.security_group",
    "elbv2.load_balancer",
    "elbv2.target_group",
    "cost.daily",
    "spot.price",
    "cloudwatch.instance_cpu",
}
_STORES = {"ref", "account", "region", "id", "health", "health_why", "first_seen", "seen", "flags", "raw"}
each_kind = pytest.mark.parametrize("kind", KINDS, ids=NAMES)


def test_the_foundation_is_there() -> None:
    assert set(NAMES) >= FOUNDATION


@each_kind
def test_names_are_identifiers_and_collide_with_nothing(kind: Kind) -> None:
    assert re.fullmatch(r"[a-z0-9]+\.[a-z_]+", kind.name)
    columns = [column.name for column in kind.columns]
    assert len(columns) == len(set(columns))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in columns)
    assert not _STORES & set(columns)
    assert set(kind.key) <= set(columns)
    assert kind.sort.removeprefix("-") in columns


@each_kind
def test_everything_is_explained_and_every_path_compiles(kind: Kind) -> None:
    assert kind.help.endswith(".")
    assert kind.title
    for column in kind.columns:
        assert column.help.endswith("."), column.name
        compiled(column.path)
    for call in kind.calls:
        for path in (call.items, call.within, *call.inherit.values(), *call.arguments.values(), *call.keep.values()):
            compiled(path)


@each_kind
def test_a_narrow_terminal_shows_a_few_columns_and_always_the_key_or_name(kind: Kind) -> None:
    narrow = {column.name for column in kind.columns if column.narrow}
    assert 3 <= len(narrow) <= 6
    assert narrow & {*kind.key, "name"}


@each_kind
def test_health_rules_speak_of_columns_that_are_there(kind: Kind) -> None:
    columns = {column.name for column in kind.columns}
    for rule in kind.health:
        terms = parse(rule.when)
        assert terms
        for term in terms:
            assert isinstance(term, Compare), rule.when
            assert term.column in columns, rule.when
        assert rule.why and not rule.why.endswith(".")


@each_kind
def test_relations_lead_from_a_column_to_a_column(kind: Kind) -> None:
    by_name = {other.name: other for other in KINDS}
    for relation in kind.relations:
        kind.column(relation.column)
        if relation.target != "id":
            by_name[relation.kind].column(relation.target)


@each_kind
def test_operations_and_their_parameters_are_botocores(kind: Kind) -> None:
    for call in kind.calls:
        operation = session().get_service_model(call.service or kind.service).operation_model(call.operation)
        given = {*call.parameters, *call.arguments} | ({call.page[0]} if call.page else set())
        assert given <= set(operation.input_shape.members if operation.input_shape else ())


@each_kind
def test_an_arn_names_columns_only(kind: Kind) -> None:
    columns = {column.name: "x" for column in kind.columns}
    assert kind.arn.format(partition="aws", account="1", region="r", **columns) or not kind.arn


@each_kind
def test_what_costs_money_says_so_and_costs_four_cents_a_day_at_most(kind: Kind) -> None:
    charged = [
        call for call in kind.calls if call.operation == "GetMetricData" or (call.service or kind.service) == "ce"
    ]
    assert bool(kind.paid) is bool(charged)
    assert not charged or 86_400 / pace(kind) * kind.paid <= 0.0401


def test_a_kind_more_is_one_file_more(tmp_path: Path) -> None:
    script = f"""
import sys
from pathlib import Path
import backends.aws
import importlib, types
package = types.ModuleType("backends.aws.kinds")
package.__path__ = [{str(Path(package.__file__ or "").parent)!r}, {str(tmp_path)!r}]
sys.modules["backends.aws.kinds"] = package
source = Path({str(package.__file__)!r}).read_text()
exec(compile(source, "kinds", "exec"), package.__dict__)
print(*[kind.name for kind in package.KINDS])
"""
    (tmp_path / "amplify.py").write_text(
        "from backends.model import Call, Column, Kind\n"
        'APP = Kind("amplify.app", "Apps", "amplify", (Call("ListApps", "apps"),), ("arn",),'
        ' (Column("arn", "appArn"),))\n'
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {*NAMES, "amplify.app"}
