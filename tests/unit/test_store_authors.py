"""Who did it: the event that names the resource, lies in the time of the change and does what was done, or none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.aws.kinds.autoscaling import GROUP
from backends.aws.kinds.cloudtrail import EVENT
from backends.aws.kinds.ec2 import INSTANCE, SPOT_REQUEST, VOLUME
from backends.aws.kinds.eks import NODEGROUP
from backends.aws.kinds.iam import ROLE
from backends.model import GLOBAL_REGION, Coverage, CoverageState, Kind, Ref, Scope
from backends.store import NotFound, Retention, Store
from tests.unit.store_world import ACCOUNT, REGION, at, open_store, page, sweep

SCOPE = Scope.of([(ACCOUNT, REGION), (ACCOUNT, "us-east-1"), (ACCOUNT, GLOBAL_REGION)])
ID, OTHER = "i-0123456789abcdef0", "i-0fedcba9876543210"
LATER = 60.0
"""When CloudTrail is read: long enough after the changes for nothing to be told late."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path, (INSTANCE, VOLUME, SPOT_REQUEST, GROUP, NODEGROUP, ROLE, EVENT))
    yield store
    store.close()


def instance(id: str = ID, **fields: Any) -> dict[str, Any]:
    return {"id": id, "instance_id": id, "state": "running", "name": "web-1"} | fields


def group(**fields: Any) -> dict[str, Any]:
    return {"id": "web", "name": "web", "desired": 3} | fields


def event(minutes: float, name: str, *mentions: str, source: str = "ec2", user: str = "alice", **more: Any) -> Any:
    """An event that names resources."""
    facts = {"time": at(minutes), "name": name, "source": f"{source}.amazonaws.com", "user": user}
    id = f"{name}-{minutes:g}-{user}"
    return {"id": id, "event_id": id, "read_only": False, "mentions": list(mentions), **facts, **more}


def trail(
    store: Store,
    *events: dict[str, Any],
    minutes: float = LATER,
    region: str = REGION,
    state: str = "ok",
    problem: str = "",
    skew: float = 0.0,
    since: float = -1440,
) -> None:
    """CloudTrail as one poll read it, back to `since`."""
    number = store.begin_sweep(ACCOUNT, region, EVENT.name, at(minutes))
    store.ingest(number, page(EVENT, events))
    reached = f"{at(since).isoformat()}+00:00"
    coverage = Coverage(
        ACCOUNT, region, EVENT.name, CoverageState(state), problem, since=reached, skew=skew, rows=len(events)
    )
    store.finish_sweep(number, coverage, at(minutes + 0.1))


def told(store: Store, kind: Kind, since: float = 0.5) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(store.changes(at(since), at(100), [kind.name], SCOPE))["changes"]
    return found


def stopped(store: Store) -> None:
    """An instance that ran at minute 0 and 5, and is seen stopped by the poll of minute 6, which takes six seconds."""
    sweep(store, INSTANCE, 0, [instance()])
    sweep(store, INSTANCE, 5, [instance()])
    sweep(store, INSTANCE, 6, [instance(state="stopped")])


def test_the_event_that_names_the_resource_in_that_time_is_who_did_it(store: Store) -> None:
    stopped(store)
    trail(store, event(5.5, "StopInstances", ID, user_type="IAMUser", source_ip="198.51.100.7"))
    [change] = told(store, INSTANCE)
    assert (change["by"], change["why"]) == ("alice", "")
    [did] = change["events"]
    assert (did["name"], did["at"], did["user_type"]) == ("StopInstances", "2026-11-20T12:05:30Z", "IAMUser")
    assert json.loads(store.resource(did["ref"]))["row"]["source_ip"] == "198.51.100.7"


@pytest.mark.parametrize(
    ("what", "given"),
    [
        ("before it was last seen as it had been", event(4.9, "StopInstances", ID)),
        ("after the poll that saw it had ended", event(6.3, "StopInstances", ID)),
        ("another resource", event(5.5, "StopInstances", OTHER)),
        ("refused", event(5.5, "StopInstances", ID, error="Client.UnauthorizedOperation")),
        ("a dry run", event(5.5, "StopInstances", ID, error="Client.DryRunOperation")),
        ("its tag's name, which names nothing in a request", event(5.5, "StopInstances", "web-1")),
    ],
)
def test_what_cannot_have_done_it_is_not_blamed(store: Store, what: str, given: dict[str, Any]) -> None:
    stopped(store)
    trail(store, given)
    [change] = told(store, INSTANCE)
    assert (change["by"], change["events"]) == ("unknown", []), what
    assert change["why"] == "CloudTrail was read for that time and tells of no such event."


@pytest.mark.parametrize(
    ("goes_along", "event_of", "by"),
    [
        (True, event(5.5, "TerminateInstances", ID), "alice"),
        (True, event(-2.0, "TerminateInstances", ID), "alice"),
        (True, event(5.5, "TerminateInstances", OTHER), "unknown"),
        (True, event(5.5, "DeregisterInstances", ID), "unknown"),
        (False, event(5.5, "TerminateInstances", ID), "unknown"),
    ],
)
def test_a_volume_that_goes_with_its_instance_was_removed_by_who_terminated_that(
    store: Store, goes_along: bool, event_of: Any, by: str
) -> None:
    volume = {"id": "vol-1", "volume_id": "vol-1", "instance_id": ID, "delete_on_termination": goes_along}
    sweep(store, VOLUME, 0, [volume])
    sweep(store, VOLUME, 5, [volume])
    sweep(store, VOLUME, 6, [])
    trail(store, event_of)
    [change] = told(store, VOLUME)
    assert (change["what"], change["name"], change["by"]) == ("removed", "vol-1", by)


@pytest.mark.parametrize(
    ("status", "event_of", "by"),
    [
        ("instance-terminated-no-capacity", event(5.5, "BidEvictedEvent", ID, user="spot"), "spot"),
        ("instance-terminated-by-user", event(5.5, "TerminateInstances", ID), "alice"),
        ("instance-terminated-by-user", event(5.5, "TerminateInstances", OTHER), "unknown"),
        ("marked-for-termination", event(5.5, "TerminateInstances", ID), "unknown"),
    ],
)
def test_a_spot_request_that_says_its_instance_ended_was_ended_by_who_ended_that(
    store: Store, status: str, event_of: Any, by: str
) -> None:
    request = {"id": "sir-1", "request_id": "sir-1", "instance_id": ID, "state": "active", "status": "fulfilled"}
    sweep(store, SPOT_REQUEST, 0, [request])
    sweep(store, SPOT_REQUEST, 6, [request | {"state": "closed", "status": status}])
    trail(store, event_of)
    [change] = told(store, SPOT_REQUEST)
    assert (change["what"], change["by"]) == ("changed", by)


def test_what_happened_while_the_poll_that_saw_it_ran_may_have_done_it(store: Store) -> None:
    stopped(store)
    trail(store, event(6.05, "StopInstances", ID))
    assert told(store, INSTANCE)[0]["by"] == "alice"


def test_of_several_the_one_whose_operation_fits_did_it(store: Store) -> None:
    stopped(store)
    events = [event(5.9, "CreateTags", ID, user="bob"), event(5.2, "StopInstances", ID), event(5.8, "RunInstances", ID)]
    trail(store, *events)
    [change] = told(store, INSTANCE)
    assert (change["by"], [did["name"] for did in change["events"]]) == ("alice", ["StopInstances"])


@pytest.mark.parametrize("state", ["shutting-down", "terminated"])
@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("BidEvictedEvent", "ec2"),
        ("TerminateInstances", "ec2"),
        ("TerminateInstanceInAutoScalingGroup", "autoscaling"),
    ],
)
def test_an_instance_that_ends_was_ended_by_what_ends_instances(
    store: Store, state: str, name: str, source: str
) -> None:
    sweep(store, INSTANCE, 0, [instance()])
    sweep(store, INSTANCE, 6, [instance(state=state)])
    trail(store, event(5.2, name, ID, source=source), event(5.9, "RebootInstances", ID, user="bob"))
    [change] = told(store, INSTANCE)
    assert (change["by"], [did["name"] for did in change["events"]]) == ("alice", [name])


def test_what_ends_instances_did_not_stop_one(store: Store) -> None:
    stopped(store)
    trail(store, event(5.2, "TerminateInstances", ID))
    assert told(store, INSTANCE)[0]["by"] == "unknown"


def test_several_that_fit_alike_are_all_told_the_nearest_first_and_said_to_be_several(store: Store) -> None:
    stopped(store)
    trail(store, event(5.2, "StopInstances", ID, user="bob"), event(5.7, "StopInstances", ID))
    [change] = told(store, INSTANCE)
    assert change["by"] == "alice or bob" and [did["user"] for did in change["events"]] == ["alice", "bob"]
    assert change["why"] == "2 events may have done it; the nearest comes first."


def test_an_event_that_names_it_and_does_something_else_is_shown_and_not_blamed(store: Store) -> None:
    sweep(store, INSTANCE, 0, [instance()])
    sweep(store, INSTANCE, 6, [])
    trail(store, event(5.5, "CreateTags", ID))
    [change] = told(store, INSTANCE)
    assert (change["what"], change["by"], change["events"][0]["name"]) == ("removed", "unknown", "CreateTags")
    assert change["why"] == "One event names it, but none that does this."


def test_a_name_means_a_resource_of_its_own_service_only(store: Store) -> None:
    sweep(store, GROUP, 0, [group()])
    sweep(store, GROUP, 6, [group(desired=5)])
    trail(store, event(5.8, "UpdateService", "web", source="ecs", user="bob"))
    assert told(store, GROUP)[0]["by"] == "unknown"
    trail(store, event(5.5, "SetDesiredCapacity", "web", source="autoscaling"), minutes=61)
    assert told(store, GROUP)[0]["by"] == "alice"


def test_a_resource_known_by_two_names_is_meant_by_both_together(store: Store) -> None:
    def nodes(desired: int) -> dict[str, Any]:
        return {"id": "prod/system", "cluster": "prod", "name": "system", "desired": desired}

    sweep(store, NODEGROUP, 0, [nodes(2)])
    sweep(store, NODEGROUP, 6, [nodes(3)])
    trail(store, event(5.5, "UpdateNodegroupConfig", "prod", "system", source="eks"))
    assert told(store, NODEGROUP)[0]["by"] == "alice"


def test_the_events_of_global_services_are_in_one_region(store: Store) -> None:
    role = {"id": "deploy", "name": "deploy", "path": "/"}
    sweep(store, ROLE, 0, [role])
    sweep(store, ROLE, 6, [role | {"path": "/ops/"}])
    trail(store)
    assert told(store, ROLE)[0]["why"] == "CloudTrail was not read: it was not polled yet."
    trail(store, event(5.5, "UpdateRole", "deploy", source="iam"), region="us-east-1")
    assert told(store, ROLE)[0]["by"] == "alice"


def test_unknown_has_its_reason(store: Store) -> None:
    stopped(store)
    assert told(store, INSTANCE)[0]["why"] == "CloudTrail was not read: it was not polled yet."
    trail(store, minutes=1, state="denied", problem="denied(cloudtrail:LookupEvents)")
    assert told(store, INSTANCE)[0]["why"] == "CloudTrail was not read: denied(cloudtrail:LookupEvents)"
    trail(store, minutes=10)
    assert told(store, INSTANCE)[0]["why"] == "CloudTrail tells of events up to 15 minutes late: not known yet."
    trail(store, minutes=22, since=-10)
    assert told(store, INSTANCE)[0]["why"] == "CloudTrail was read for that time and tells of no such event."


def plan_carried_out(store: Store, minutes: float, operation: str, *targets: str, state: str = "accepted") -> None:
    """The outcome of a plan as the audit trail has it, on record a minute after its call."""
    step = {"at": at(minutes).isoformat() + "Z", "what": "call", "detail": ""}
    store.add_audit(
        {"sequence": 5, "previous": "p", "hash": "h", "at": at(minutes + 1).isoformat() + "Z", "event": "outcome"}
        | {"actor": {"user": "oscar"}, "plan": {"targets": list(targets)}}
        | {"calls": [{"operation": operation, "state": state}], "outcome": {"state": "done", "steps": [step]}}
    )


def test_what_was_done_through_quarterdeck_is_known_before_cloudtrail_tells(store: Store) -> None:
    stopped(store)
    plan_carried_out(store, 5.5, "StopInstances", f"ec2.instance@{ACCOUNT}/{REGION}/{ID}")
    [change] = told(store, INSTANCE)
    assert change["by"] == "oscar, through Quarterdeck (audit 5)" and change["events"] == []
    assert change["why"] == "StopInstances, as Quarterdeck's own audit tells."
    trail(store, event(5.5, "StopInstances", ID))
    assert told(store, INSTANCE)[0]["by"] == "alice", "AWS's own word comes first"


def test_a_spoilt_audit_record_tells_of_nobody(store: Store) -> None:
    stopped(store)
    store.add_audit(
        {"sequence": 5, "previous": "p", "hash": "h", "at": at(6).isoformat() + "Z", "event": "outcome"}
        | {"outcome": {"steps": [7]}, "plan": "none"}
    )
    assert told(store, INSTANCE)[0]["by"] == "unknown"


@pytest.mark.parametrize(
    ("minutes", "operation", "target", "state"),
    [
        (6.5, "StopInstances", ID, "accepted"),
        (2.0, "StopInstances", ID, "accepted"),
        (5.5, "CreateTags", OTHER, "accepted"),
        (5.5, "TerminateInstances", ID, "accepted"),
        (5.5, "StopInstances", ID, "failed"),
    ],
)
def test_what_quarterdeck_did_at_another_time_to_another_or_in_vain_is_not_blamed(
    store: Store, minutes: float, operation: str, target: str, state: str
) -> None:
    stopped(store)
    plan_carried_out(store, minutes, operation, f"ec2.instance@{ACCOUNT}/{REGION}/{target}", state=state)
    assert told(store, INSTANCE)[0]["by"] == "unknown"


def test_a_volume_goes_with_an_instance_that_quarterdeck_terminated(store: Store) -> None:
    sweep(store, VOLUME, 0, [{"id": "vol-1", "volume_id": "vol-1", "instance_id": ID, "delete_on_termination": True}])
    sweep(store, VOLUME, 6, [])
    plan_carried_out(store, 5.5, "TerminateInstances", f"ec2.instance@{ACCOUNT}/{REGION}/{ID}")
    assert told(store, VOLUME)[0]["by"] == "oscar, through Quarterdeck (audit 5)"


def test_a_time_that_no_poll_of_the_trail_reached_is_not_one_without_events(store: Store) -> None:
    stopped(store)
    trail(store, minutes=60, since=40)
    assert told(store, INSTANCE)[0]["why"] == "CloudTrail was not read for that time."


def test_clocks_that_differ_are_allowed_for(store: Store) -> None:
    stopped(store)
    trail(store, event(5.5 - 3, "StopInstances", ID), skew=-180.0)
    assert told(store, INSTANCE)[0]["by"] == "alice"


def test_what_a_first_poll_brings_was_done_by_nobody_and_history_says_who_did_the_rest(store: Store) -> None:
    stopped(store)
    sweep(store, INSTANCE, 9, [instance(state="stopped"), instance(OTHER)])
    sweep(store, INSTANCE, 12, [instance(OTHER)])
    trail(
        store,
        *(event(5.5, "StopInstances", ID), event(8, "RunInstances", OTHER, user="ci")),
        event(11, "TerminateInstances", ID, user="bob"),
    )
    ended, first = json.loads(store.resource(Ref(INSTANCE.name, ACCOUNT, REGION, ID), at(10)))["history"]
    assert (ended["by"], ended["events"][0]["name"]) == ("alice", "StopInstances") and "by" not in first
    [added] = json.loads(store.resource(Ref(INSTANCE.name, ACCOUNT, REGION, OTHER)))["history"]
    assert (added["by"], added["changes"]) == ("ci", [])
    assert {change["what"]: change["by"] for change in told(store, INSTANCE, 8)} == {"added": "ci", "removed": "bob"}


def test_what_is_gone_is_told_as_it_was_last_known_with_who_removed_it(store: Store) -> None:
    stopped(store)
    sweep(store, INSTANCE, 12, [instance(OTHER)])
    trail(store, event(11, "TerminateInstances", ID, user="bob"))
    ref = Ref(INSTANCE.name, ACCOUNT, REGION, ID)
    with pytest.raises(NotFound, match="first missed at 2026-11-20T12:12:00Z"):
        store.resource(ref)
    found = json.loads(store.resource(ref, last=True))
    assert found["row"]["state"] == "stopped" and found["history"][0]["ended_by"]["by"] == "bob"
    assert found["gone"] == {"last_seen": "2026-11-20T12:06:00Z", "first_missed": "2026-11-20T12:12:00Z"}
    earlier = json.loads(store.resource(ref, at(3), last=True))
    assert earlier["gone"] is None and earlier["row"]["state"] == "running"
    with pytest.raises(NotFound, match="is not known"):
        store.resource(Ref(INSTANCE.name, ACCOUNT, REGION, "i-never"), last=True)


def test_changes_may_be_asked_of_one_resource_or_of_one_person(store: Store) -> None:
    stopped(store)
    sweep(store, INSTANCE, 9, [instance(state="stopped"), instance(OTHER)])
    trail(store, event(5.5, "StopInstances", ID), event(8, "RunInstances", OTHER, user="deploy/ci"))

    def asked(limit: int = 10, **only: Any) -> tuple[list[str], bool]:
        found = json.loads(store.changes(at(0.5), at(100), [], SCOPE, limit, **only))
        return [change["ref"].rpartition("/")[2] for change in found["changes"]], found["truncated"]

    assert asked() == ([OTHER, ID], False) and asked(1) == ([OTHER], True)
    assert asked(ref=Ref(INSTANCE.name, ACCOUNT, REGION, ID)) == ([ID], False)
    # The limit counts what is told, not what was looked through.
    assert asked(1, by="ALICE") == ([ID], False) and asked(by="CI") == ([OTHER], False)
    assert asked(by="mallory") == ([], False)


def test_many_changes_are_joined_in_one_step(store: Store) -> None:
    ids = [f"i-{number:017x}" for number in range(400)]
    sweep(store, INSTANCE, 0, [instance(id) for id in ids])
    sweep(store, INSTANCE, 6, [instance(id, state="stopped") for id in ids])
    trail(store, *(event(1 + n / 100, "StopInstances", id, user=f"u{n}") for n, id in enumerate(ids)))
    changes = told(store, INSTANCE)
    assert {change["name"] for change in changes} == {"web-1"} and len(changes) == 400
    assert all(change["by"] == f"u{int(change['ref'].rpartition('i-')[2], 16)}" for change in changes)


def test_of_a_change_whose_events_were_let_go_of_that_is_said(store: Store) -> None:
    stopped(store)
    trail(store, event(5.5, "StopInstances", ID))
    trail(store, event(5.5, "StopInstances", OTHER), region="us-east-1")
    assert [change["by"] for change in told(store, INSTANCE)] == ["alice"]
    store.prune(at(30 * 1440), Retention(history_days=400, kinds={EVENT.name: {"history_days": 29}}))
    why = f"CloudTrail's events of that time are no longer kept: history is kept from {at(1440).isoformat()}Z on."
    assert [(change["by"], change["why"]) for change in told(store, INSTANCE)] == [("unknown", why)]


def test_of_a_change_after_the_newest_read_it_is_said_that_it_was_not_read_yet(store: Store) -> None:
    stopped(store)
    trail(store, minutes=5.5)
    assert [change["why"] for change in told(store, INSTANCE)] == ["CloudTrail was not read for that time yet."]
