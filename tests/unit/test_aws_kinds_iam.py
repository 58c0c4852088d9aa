"""IAM: what the credential report tells, joined with what only other calls know."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from backends.aws import sweep
from backends.aws.kinds.iam_account import GROUP, PASSWORD_POLICY
from backends.aws.kinds.iam_credentials import ACCESS_KEY, CREDENTIAL_REPORT, MFA_DEVICE
from backends.model import CoverageState, Json
from tests.unit.aws_fakes import FakeClient, raising, refused, swept

OLD, NEW = "2024-05-01T10:00:00+00:00", "2026-11-01T08:30:00+00:00"


def report(*lines: Json) -> Json:
    text = io.StringIO()
    columns = list(dict.fromkeys(name for line in lines for name in line))
    writer = csv.DictWriter(text, columns, restval="N/A", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return {"Content": text.getvalue().encode(), "GeneratedTime": "2026-11-26T12:00:00Z", "ReportFormat": "text/csv"}


def line(user: str, **more: str) -> Json:
    return {"user": user, "arn": f"arn:aws:iam::1:user/{user}", "mfa_active": "false", **more}


def iam(told: Json | None, **answers: Any) -> dict[str, FakeClient]:
    """`told` None: the report may not be had."""
    denied = raising(refused("AccessDenied", 403))
    made = {
        "GenerateCredentialReport": denied if told is None else lambda _: {"State": "COMPLETE"},
        "GetCredentialReport": denied if told is None else lambda _: told,
    }
    return {"iam": FakeClient("iam", made | answers)}


def users(*names: str) -> Any:
    return lambda _: {"UserDetailList": [{"UserName": name} for name in names]}


async def test_the_report_has_a_row_for_the_root_user_and_leaves_out_what_aws_does_not_know() -> None:
    told = report(
        line("<root_account>", mfa_active="true", password_enabled="not_supported", access_key_1_active="false"),
        line("ann", password_enabled="true", password_last_used="no_information", access_key_1_last_rotated=OLD),
    )
    coverage, rows = await swept(CREDENTIAL_REPORT, iam(told))
    shown = {row["name"]: row for row in rows}
    assert set(shown) == {"<root_account>", "ann"} and coverage.calls == 2
    root, ann = shown["<root_account>"], shown["ann"]
    assert (root["mfa"], root["password"], root["key_1_active"], root["key_1_made"]) == (True, None, False, None)
    assert (ann["password"], ann["password_used"], ann["key_1_made"].year) == (True, None, 2024)
    assert ann["generated"].hour == 12


async def test_a_report_that_is_being_made_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "_NOT_YET_SECONDS", (0.0, 0.0))
    answers = iter([refused("ReportInProgress", 404), refused("ReportNotPresent", 410)])

    def get(parameters: Json) -> Json:
        if (problem := next(answers, None)) is not None:
            raise problem
        return report(line("ann"))

    coverage, rows = await swept(CREDENTIAL_REPORT, iam({}, GetCredentialReport=get))
    assert [row["name"] for row in rows] == ["ann"] and coverage.state is CoverageState.OK


async def test_an_access_key_is_told_of_by_the_line_that_was_made_with_it() -> None:
    told = report(
        line(
            "ann",
            access_key_1_last_rotated=OLD,
            access_key_1_last_used_date="N/A",
            access_key_2_last_rotated=NEW,
            access_key_2_last_used_date="2026-11-20T00:00:00+00:00",
            access_key_2_last_used_service="s3",
        )
    )
    keys = {
        "ann": [
            {"UserName": "ann", "AccessKeyId": "AKIANEW", "Status": "Active", "CreateDate": "2026-11-01T08:30:00Z"},
            {"UserName": "ann", "AccessKeyId": "AKIAOLD", "Status": "Active", "CreateDate": "2024-05-01T10:00:00.4Z"},
        ],
        "bob": [
            {"UserName": "bob", "AccessKeyId": "AKIABOB", "Status": "Active", "CreateDate": "2026-11-26T09:00:00Z"}
        ],
    }
    _, rows = await swept(
        ACCESS_KEY,
        iam(
            told,
            GetAccountAuthorizationDetails=users("ann", "bob"),
            ListAccessKeys=lambda asked: {"AccessKeyMetadata": keys[asked["UserName"]]},
        ),
    )
    shown = {
        row["id"]: (row["used"], row["last_used"] and row["last_used"].day, row["last_used_service"]) for row in rows
    }
    assert shown == {
        "AKIANEW": (True, 20, "s3"),
        "AKIAOLD": (False, None, None),
        "AKIABOB": (None, None, None),  # made since the report: whether it was used is not known
    }


async def test_keys_are_listed_without_their_use_where_the_report_is_denied() -> None:
    key = {"UserName": "ann", "AccessKeyId": "AKIA1", "Status": "Active", "CreateDate": "2026-11-01T08:30:00Z"}
    coverage, [row] = await swept(
        ACCESS_KEY,
        iam(
            None,
            GetAccountAuthorizationDetails=users("ann"),
            ListAccessKeys=lambda _: {"AccessKeyMetadata": [key]},
        ),
    )
    assert (row["id"], row["used"], row["last_used"]) == ("AKIA1", None, None)
    assert coverage.state is CoverageState.OK and "iam:GetCredentialReport" in coverage.problem


async def test_devices_of_every_sort_are_told_with_their_owners_and_never_a_seed() -> None:
    told = report(
        line("<root_account>", mfa_active="true"), line("ann", mfa_active="true"), line("bob", mfa_active="false")
    )
    arn = "arn:aws:iam::1:"
    own = [{"UserName": "ann", "SerialNumber": f"{arn}u2f/user/ann/key"}, {"UserName": "ann", "SerialNumber": "GAHT1"}]
    virtual = [
        {"SerialNumber": f"{arn}mfa/ann", "User": {"UserName": "ann"}, "EnableDate": OLD, "Base32StringSeed": b"SEED"},
        {"SerialNumber": f"{arn}mfa/root-account-mfa-device", "User": {"Arn": f"{arn}root"}, "EnableDate": OLD},
        {"SerialNumber": f"{arn}mfa/spare", "Base32StringSeed": b"SEED"},
    ]
    clients = iam(
        told,
        ListVirtualMFADevices=lambda _: {"VirtualMFADevices": virtual},
        ListMFADevices=lambda asked: {"MFADevices": [*own, {"UserName": "ann", "SerialNumber": f"{arn}mfa/ann"}]},
    )
    _, rows = await swept(MFA_DEVICE, clients)
    assert {row["id"].removeprefix(arn): (row["user"], row["device_type"]) for row in rows} == {
        "mfa/ann": ("ann", "virtual"),
        "u2f/user/ann/key": ("ann", "security key"),
        "GAHT1": ("ann", "hardware"),
        "mfa/root-account-mfa-device": ("<root_account>", "virtual"),
        "mfa/spare": (None, "virtual"),
    }
    assert "SEED" not in str(rows)
    assert [asked for operation, asked in clients["iam"].asked if operation == "ListMFADevices"] == [
        {"UserName": "ann"}
    ]


async def test_groups_know_their_members_from_one_call() -> None:
    answer = {
        "UserDetailList": [{"UserName": "bob", "GroupList": ["ops"]}, {"UserName": "ann", "GroupList": ["ops"]}],
        "GroupDetailList": [{"GroupName": "ops"}, {"GroupName": "empty"}],
    }
    clients = iam({}, GetAccountAuthorizationDetails=lambda _: answer)
    _, rows = await swept(GROUP, clients)
    assert {row["id"]: (row["size"], row["members"]) for row in rows} == {"ops": (2, ["ann", "bob"]), "empty": (0, [])}
    assert len(clients["iam"].asked) == 1


async def test_an_account_without_a_password_policy_has_none() -> None:
    clients = iam({}, GetAccountPasswordPolicy=raising(refused("NoSuchEntity", 404)))
    coverage, rows = await swept(PASSWORD_POLICY, clients)
    assert (rows, coverage.state, coverage.problem) == ([], CoverageState.EMPTY, "")
