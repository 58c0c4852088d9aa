"""What exceptions mean, how fast we ask, whose turn it is, what is written to the log."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions as aws
from botocore.parsers import ResponseParserError
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.aws import requests
from backends.aws.coverage import classify, clean
from backends.aws.frames import BadFrame, frame, read_frame
from backends.aws.logs import Discretion, start_log
from backends.aws.requests import Line, Refusal, Requester, Tally, Turns, pause
from backends.aws.throttle import Bucket, Rate, Throttle, rate_of
from backends.aws.windows import Instants
from backends.model import Call, Column, CoverageState, Kind, Series, Window
from tests.unit.aws_fakes import refused

S = CoverageState


@pytest.mark.parametrize(
    ("code", "status", "state"),
    [
        ("AccessDenied", 403, S.DENIED),
        ("AccessDeniedException", 400, S.DENIED),
        ("UnauthorizedOperation", 403, S.DENIED),
        ("403", 403, S.DENIED),
        ("Throttling", 400, S.THROTTLED),
        ("ThrottlingException", 400, S.THROTTLED),
        ("RequestLimitExceeded", 503, S.THROTTLED),
        ("TooManyRequestsException", 429, S.THROTTLED),
        ("LimitExceededException", 400, S.THROTTLED),
        ("ServiceUnavailable", 503, S.THROTTLED),
        ("OptInRequired", 401, S.DISABLED),
        ("UnknownOperationException", 400, S.UNSUPPORTED),
        ("InvalidAction", 400, S.UNSUPPORTED),
        ("404", 404, S.UNSUPPORTED),
        ("ExpiredToken", 403, S.ERROR),
        ("RequestExpired", 400, S.ERROR),
        ("InvalidClientTokenId", 403, S.ERROR),
        ("SignatureDoesNotMatch", 403, S.ERROR),
        ("InternalError", 500, S.ERROR),
        ("ValidationError", 400, S.ERROR),
        ("InstanceLimitExceeded", 400, S.ERROR),
    ],
)
def test_every_refusal_has_its_state(code: str, status: int, state: CoverageState) -> None:
    verdict = classify(refused(code, status), "ec2", "DescribeVolumes")
    assert (verdict.state, verdict.code, verdict.status) == (state, code, status)
    assert verdict.retry is (state is S.THROTTLED or status >= 500)
    assert verdict.problem


def test_unknown_credentials_in_a_region_that_is_not_enabled_mean_disabled() -> None:
    for code in ("AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException"):
        assert classify(refused(code, 401), "ec2", "DescribeVolumes", region_known=False).state is S.DISABLED


def test_the_iam_action_is_named_as_policies_name_it() -> None:
    verdict = classify(refused("AccessDenied", 403), "elbv2", "DescribeTargetHealth")
    assert verdict.problem.startswith("denied(elasticloadbalancing:DescribeTargetHealth)")


@pytest.mark.parametrize(
    ("error", "state", "retry"),
    [
        (ResponseParserError("<html>"), S.ERROR, True),
        (aws.ReadTimeoutError(endpoint_url="x"), S.ERROR, True),
        (aws.ConnectionClosedError(endpoint_url="x"), S.ERROR, True),
        (TimeoutError(), S.ERROR, True),
        (aws.NoCredentialsError(), S.ERROR, False),
        (aws.SSOTokenLoadError(error_msg="x"), S.ERROR, False),
        (aws.ParamValidationError(report="x"), S.ERROR, False),
        (ZeroDivisionError(), S.ERROR, False),
    ],
)
def test_every_failure_has_its_state(error: Exception, state: CoverageState, retry: bool) -> None:
    verdict = classify(error, "ec2", "DescribeVolumes")
    assert (verdict.state, verdict.retry) == (state, retry)


@given(st.text(max_size=2000))
def test_a_message_from_outside_becomes_one_harmless_short_line(text: str) -> None:
    line = clean(text)
    assert len(line) <= 300
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2066" for c in line)


def test_request_ids_and_encoded_refusals_are_left_out() -> None:
    said = "You are not authorized. Encoded authorization failure message: Ab3dEf (Request ID: 12-34)"
    assert clean(said) == "You are not authorized."


class Clock:
    """Time that passes only in sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def test_a_bucket_gives_its_burst_at_once_and_then_its_share_of_the_rate() -> None:
    clock = Clock()
    bucket = Bucket(Rate(10, 8), share=0.5, clock=clock, sleep=clock.sleep)
    for _ in range(4):
        assert await bucket.wait() == 0
    for _ in range(50):
        await bucket.wait()
    assert clock.now == pytest.approx(10, rel=0.01)


async def gone_through(rate: Rate, waiting: int) -> list[float]:
    """When each of twenty requests went of so many that come to wait again at once."""
    clock, gone = Clock(), []

    async def sleep(seconds: float) -> None:
        # The others come to wait meanwhile.
        for _ in range(2 * waiting):
            await asyncio.sleep(0)
        await clock.sleep(seconds)

    bucket = Bucket(rate, share=1, clock=clock, sleep=sleep)

    async def chain() -> None:
        for _ in range(20):
            await bucket.wait()
            gone.append(clock.now)
            await asyncio.sleep(0)

    await asyncio.gather(*(chain() for _ in range(waiting)))
    return gone


async def test_those_that_wait_go_together() -> None:
    assert len(set(await gone_through(Rate(10, 20), 5))) < 40


@settings(deadline=None, max_examples=50)
@given(waiting=st.integers(2, 12), rate=st.sampled_from([0.5, 2, 10, 40]), burst=st.integers(1, 30))
async def test_none_goes_sooner_than_its_turn_nor_half_a_second_later(waiting: int, rate: float, burst: int) -> None:
    gone = await gone_through(Rate(rate, burst), waiting)
    late = [went - max(0, number + 1 - burst) / rate for number, went in enumerate(gone)]
    assert min(late) >= -1e-6, "AWS's bucket would be emptied"
    # A thousandth of a second more for each pause that is shorter than a timer can be.
    assert max(late) <= 0.5 + 0.001 * len(gone)


async def test_throttling_halves_the_rate_and_quiet_restores_it() -> None:
    clock = Clock()
    bucket = Bucket(Rate(10, 10), share=1, clock=clock, sleep=clock.sleep)
    bucket.throttled()
    bucket.throttled()  # the answer to what was under way together
    clock.now += 0.5
    bucket.throttled()
    started = clock.now
    for _ in range(10):
        await bucket.wait()
    assert clock.now - started == pytest.approx(4, rel=0.01)
    clock.now += 1000
    await bucket.wait()
    clock.now += 1000
    for _ in range(11):
        await bucket.wait()
    started = clock.now
    for _ in range(10):
        await bucket.wait()
    assert clock.now - started == pytest.approx(1, rel=0.01)


async def test_nothing_goes_before_the_time_that_aws_has_named() -> None:
    clock = Clock()
    bucket = Bucket(Rate(10, 10), share=1, clock=clock, sleep=clock.sleep)
    bucket.close(7)
    assert await bucket.wait() == pytest.approx(7)
    bucket.close(3)
    bucket.close(1)
    assert await bucket.wait() == pytest.approx(3), "the later one counts"
    assert await bucket.wait() == 0


def test_what_aws_documents_is_never_exceeded() -> None:
    """The rates of EC2, CloudTrail, Service Quotas and IAM that AWS or its peers' limits name."""
    documented = {
        ("ec2", "DescribeInstances"): Rate(20, 100),
        ("cloudtrail", "LookupEvents"): Rate(2, 2),
        ("service-quotas", "ListServiceQuotas"): Rate(5, 10),
        ("iam", "GetPolicy"): Rate(35, 70),
        ("iam", "ListEntitiesForPolicy"): Rate(40, 80),
        ("iam", "GetRole"): Rate(15, 30),
        ("iam", "ListRolePolicies"): Rate(15, 30),
        ("route53", "ListHostedZones"): Rate(5, 10),
    }
    for (service, operation), limit in documented.items():
        ours = rate_of(service, operation)
        assert ours.per_second <= limit.per_second, operation
        assert ours.burst <= limit.burst, operation


def test_rates_are_by_operation_then_service_then_default() -> None:
    assert rate_of("iam", "GetAccountAuthorizationDetails").per_second < rate_of("iam", "GetUser").per_second
    assert rate_of("nowhere", "X") == rate_of("elsewhere", "Y")


def test_pauses_grow_jitter_and_stay_bounded() -> None:
    assert all(0 < pause(attempt, throttled=t) <= 20 for attempt in range(1, 60) for t in (True, False))
    assert len({pause(3, throttled=True) for _ in range(20)}) > 1


def told(code: str, status: int = 400, **headers: str) -> aws.ClientError:
    """A refusal with headers of its answer."""
    error = refused(code, status)
    error.response["ResponseMetadata"]["HTTPHeaders"] = {name.replace("_", "-"): v for name, v in headers.items()}
    return error


def http(ahead: float = 0.0) -> str:
    """AWS's clock, so many seconds ahead of ours, as the Date header writes it."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7),
        ({"retry_after": " 1.5 "}, 1.5),
        ({"retry_after": http(3700), "date": http(3600)}, 100),
        ({"retry_after": http(-50)}, 0),
        ({"retry_after": "soon"}, 0),
        ({"retry_after": "-3"}, 0),
        ({}, 0),
    ],
)
def test_when_aws_wants_to_be_asked_again_is_read_by_its_own_clock(headers: dict[str, str], seconds: float) -> None:
    assert classify(told("Throttling", 503, **headers), "ec2", "X").after == pytest.approx(seconds, abs=2)


@pytest.mark.parametrize(("after", "calls", "waited"), [("7", 2, 7), ("4000", 1, 0)])
async def test_retry_after_is_kept_to_and_given_up_where_it_is_long(
    monkeypatch: pytest.MonkeyPatch, after: str, calls: int, waited: float
) -> None:
    clock = Clock()
    monkeypatch.setattr(requests, "pause", lambda attempt, throttled: 0.0)
    throttle = Throttle(share=1)
    throttle._buckets["1", "r", "ec2", "StartInstances"] = Bucket(Rate(9, 9), share=1, clock=clock, sleep=clock.sleep)
    answers: list[Any] = [told("RequestLimitExceeded", 503, retry_after=after), {"ok": 1}]

    class Busy:
        async def start_instances(self, **_: object) -> Any:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    line = Line("1", "r", Tally())
    sending = Requester(throttle=throttle).send(Busy(), line, "ec2", "StartInstances", {}, 0.0)
    if calls == 1:
        with pytest.raises(Refusal, match="throttles"):
            await sending
    else:
        assert await sending == {"ok": 1}
    assert line.tally.total.calls == calls
    assert clock.now >= waited


@pytest.mark.parametrize(
    "code",
    ["RequestTimeTooSkewed", "SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure", "RequestExpired"],
)
@pytest.mark.parametrize(("ahead", "said"), [(-720, "12 minutes ahead of"), (3 * 3600, "3 hours behind")])
def test_a_wrong_clock_is_named_with_how_wrong_it_is(code: str, ahead: float, said: str) -> None:
    verdict = classify(told(code, 403, date=http(ahead)), "ec2", "DescribeVolumes")
    assert verdict.state is S.ERROR
    assert not verdict.retry
    assert said in verdict.problem
    assert "set the clock" in verdict.problem
    assert verdict.skew == pytest.approx(-ahead, abs=2)


@pytest.mark.parametrize("date", [lambda: http(30), lambda: "yesterday", str])
def test_a_right_clock_is_not_blamed(date: Callable[[], str]) -> None:
    verdict = classify(told("SignatureDoesNotMatch", 403, date=date()), "ec2", "DescribeVolumes")
    assert verdict.skew == 0
    assert "does not accept these credentials" in verdict.problem


class Refusing:
    """A client whose every call is refused with this code."""

    def __init__(self, code: str) -> None:
        self.code = code

    async def start_instances(self, **_: object) -> None:
        raise refused(self.code, 412)


@pytest.mark.parametrize(("code", "errors"), [("DryRunOperation", 0), ("UnauthorizedOperation", 1)])
async def test_the_yes_of_a_dry_run_is_no_error(code: str, errors: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    line = Line("111122223333", "eu-west-1", Tally())
    with pytest.raises(Refusal) as answer:
        await Requester().send(Refusing(code), line, "ec2", "StartInstances", {"DryRun": True}, 0.0)
    assert answer.value.verdict.code == code
    assert (line.tally.total.calls, line.tally.total.errors, len(caplog.records)) == (1, errors, errors)


@pytest.mark.parametrize(("code", "errors"), [("NoSuchThing", 0), ("NoSuchOther", 1)])
async def test_an_answer_that_means_none_is_neither_counted_as_an_error_nor_written_to_the_log(
    code: str, errors: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    line = Line("111122223333", "eu-west-1", Tally())
    with pytest.raises(Refusal):
        await Requester().send(Refusing(code), line, "ec2", "StartInstances", {}, 0.01, ("NoSuchThing",))
    assert (line.tally.total.errors, len(caplog.records), line.tally.total.cost) == (errors, errors, 0.01)


@pytest.mark.parametrize(
    ("error", "cost"),
    [
        (aws.EndpointConnectionError(endpoint_url="x"), 0.0),
        (aws.ConnectTimeoutError(endpoint_url="x"), 0.0),
        (aws.NoCredentialsError(), 0.0),
        (aws.ReadTimeoutError(endpoint_url="x"), 0.02),
        (refused("AccessDenied", 403), 0.01),
    ],
)
async def test_what_reached_nobody_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, error: Exception, cost: float
) -> None:
    monkeypatch.setattr(requests, "pause", lambda attempt, throttled: 0.0)

    class Failing:
        async def start_instances(self, **_: object) -> None:
            raise error

    line = Line("1", "r", Tally(), attempts=2)
    with pytest.raises(Refusal):
        await Requester().send(Failing(), line, "ec2", "StartInstances", {}, 0.01)
    assert (line.tally.total.cost, line.tally.total.errors) == (cost, 1)


async def test_turns_are_bounded_and_what_is_looked_at_goes_first() -> None:
    turns, order, most, now = Turns(2), list[str](), 0, 0

    async def work(name: str, focus: bool) -> None:
        nonlocal most, now
        async with turns.turn(focus=focus):
            now += 1
            most = max(most, now)
            order.append(name)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            now -= 1

    plain = [asyncio.create_task(work(f"plain{n}", False)) for n in range(4)]
    await asyncio.sleep(0)
    cancelled = asyncio.create_task(work("never", True))
    looked = asyncio.create_task(work("looked", True))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.gather(*plain, looked)
    assert order == ["plain0", "plain1", "looked", "plain2", "plain3"]
    assert most == 2
    async with turns.turn(focus=False), turns.turn(focus=False):
        pass


def test_instants_in_parameters_are_written_as_aws_reads_them() -> None:
    now = datetime(2026, 11, 23, 14, 2, 11, tzinfo=UTC)
    kind = Kind("t.t", "T", "ec2", (Call("X", "@"),), ("a",), (Column("a", "A"),), window=Window(90, 3))
    first = Instants.of(kind, now, None)
    later = Instants.of(kind, now, datetime(2026, 11, 22, 1, 0))
    given_ = {"T": ["{now}", "{now-14d}", "{today+1d}", "{since:day}", "{other} {now", 7], "U": {"V": "at {now-90m}"}}
    assert first.fill(given_) == {
        "T": ["2026-11-23T14:02:11Z", "2026-11-09T14:02:11Z", "2026-11-24", "2026-08-25", "{other} {now", 7],
        "U": {"V": "at 2026-11-23T12:32:11Z"},
    }
    assert later.fill("{since}") == "2026-11-19T01:00:00Z"
    series = Kind("t.s", "S", "ec2", (), ("a",), (Column("a", "A"),), series=Series("s", "a", "a", 30))
    assert Instants.of(series, now, None).fill("{since:day}") == "2026-10-24"
    assert Instants.of(series, now, datetime(2026, 11, 22, tzinfo=UTC)).fill("{since}") == "2026-11-22T00:00:00Z"


@given(st.dictionaries(st.text(), st.integers() | st.text()), st.binary(max_size=700_000), st.integers(1, 400))
async def test_frames_survive_any_cutting(header: dict[str, int | str], body: bytes, cut: int) -> None:
    reader = asyncio.StreamReader()
    whole = frame(header, body) + frame({"next": 1})
    step = max(len(whole) // cut, 1)
    for start in range(0, len(whole), step):
        reader.feed_data(whole[start : start + step])
    reader.feed_eof()
    assert await read_frame(reader) == (header, body)
    assert await read_frame(reader) == ({"next": 1}, b"")
    assert await read_frame(reader) is None


@pytest.mark.parametrize("rubbish", [b"hello world, this is no frame", b"\0\0\0\2\0\0\0\0[]", b"\0\0\0\2\0\0\0\0{x"])
async def test_what_is_no_frame_is_refused(rubbish: bytes) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(rubbish)
    reader.feed_eof()
    with pytest.raises(BadFrame):
        await read_frame(reader)


def test_the_log_holds_no_secret_and_no_control(tmp_path: Path) -> None:
    discretion = Discretion({"AWS_SECRET_ACCESS_KEY": "CANARY-own-secret", "AWS_REGION": "eu-west-1"})
    for text in (
        "signed with CANARY-own-secret in eu-west-1",
        "key AKIACANARY1234567890",
        'password="CANARY secret"',
        "Authorization: CANARY",
        "session_token=CANARY&x=1",
    ):
        assert "CANARY" not in discretion.clean(text)
    assert discretion.clean("a\x1b[31m\nb\u202e") == "a [31m b "
    assert "eu-west-1" in discretion.clean("in eu-west-1")


def test_an_error_of_ours_is_told_as_ours_and_logged_with_the_way_to_it(caplog: pytest.LogCaptureFixture) -> None:
    def read() -> None:
        {}["documentation"]

    try:
        read()
    except KeyError as error:
        problem = classify(error, "s3", "ListBuckets").problem
    assert problem.startswith(
        "s3:ListAllMyBuckets failed in Quarterdeck itself, not at AWS: 'documentation' (KeyError)"
    )
    [record] = caplog.records
    Discretion({}).filter(record)
    assert re.search(r"\[KeyError at test_aws_requests.py:\d+ › test_aws_requests.py:\d+\]$", record.getMessage())


def test_an_exception_is_logged_by_type_and_place_without_its_text(tmp_path: Path) -> None:
    path = tmp_path / "collector.log"
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        start_log(path)
        try:
            raise ValueError("CANARY in an answer")
        except ValueError:
            logging.getLogger("backends.aws").exception("It failed.")
        logging.getLogger("botocore.parsers").debug("CANARY body")
        root.handlers[0].close()
    finally:
        root.handlers[:], root.level = before, level
    written = path.read_text()
    assert "It failed. [ValueError at test_aws_requests.py:" in written
    assert "CANARY" not in written
    assert path.stat().st_mode & 0o777 == 0o600
