"""Who the credentials are: the account that STS names, its alias, its regions, and when the credentials end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from botocore import exceptions as botocore_errors

from backends.aws.coverage import CREDENTIAL_CALLS, classify, clean
from backends.aws.regions import enabled_regions
from backends.aws.requests import Line, Refusal, Requester, Tally
from backends.aws.session import Sessions
from backends.model import Account, CoverageState

_QUICK = 2
"""Attempts: somebody waits for the answer."""
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})


async def identify(sessions: Sessions, requester: Requester, profile: str) -> Account:
    """What AWS says about a profile ("" for the chain's default). Never raises for credentials or transport."""
    try:
        credentials = await sessions.session(profile).get_credentials()
        if credentials is None:
            return Account("", profile=profile, state="none", problem=_none(profile))
        return await _ask(sessions, requester, profile, credentials)
    except Exception as error:
        return _failed(profile, error)


async def _ask(sessions: Sessions, requester: Requester, profile: str, credentials: Any) -> Account:
    region = sessions.region_of(profile)
    line = Line("", region, Tally(), focus=True, attempts=_QUICK)
    try:
        sts = await sessions.client(profile, "sts", region)
        caller = await requester.send(sts, line, "sts", "GetCallerIdentity", {}, 0.0)
    except Refusal as refusal:
        return _refused(profile, refusal, credentials, sessions.context.endpoint)
    line = Line(str(caller["Account"]), region, line.tally, focus=True, attempts=_QUICK)
    ec2 = await sessions.client(profile, "ec2", region)
    regions, problem = await enabled_regions(requester, ec2, line, region)
    return Account(
        str(caller["Account"]),
        str(caller.get("Arn", "")),
        await _alias(sessions, requester, profile, line),
        profile,
        regions,
        "ok",
        problem,
        _expires(credentials),
    )


async def _alias(sessions: Sessions, requester: Requester, profile: str, line: Line) -> str:
    """The account's alias, "" where there is none or it may not be asked."""
    try:
        iam = await sessions.client(profile, "iam", sessions.home_region)
        answer = await requester.send(iam, line, "iam", "ListAccountAliases", {}, 0.0)
    except Refusal:
        return ""
    return str(next(iter(answer.get("AccountAliases", [])), ""))


def _expires(credentials: Any) -> str:
    ends = getattr(credentials, "_expiry_time", None)
    return ends.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(ends, datetime) else ""


def _of(profile: str) -> str:
    return f" of profile {clean(profile, 60)}" if profile else ""


def _login(profile: str) -> str:
    return f"`aws sso login{' --profile ' + clean(profile, 60) if profile else ''}`"


def _none(profile: str) -> str:
    where = (
        f"for profile {clean(profile, 60)}" if profile else "in the environment, the profiles or the instance's role"
    )
    return (
        f"No AWS credentials were found {where}; set AWS_PROFILE, run `aws configure sso` or `aws configure`, "
        "or try `quarterdeck demo`, which needs none."
    )


def _refused(profile: str, refusal: Refusal, credentials: Any, endpoint: str) -> Account:
    verdict, cause = refusal.verdict, refusal.cause
    ends = _expires(credentials)
    past = bool(ends) and ends <= datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(cause, botocore_errors.EndpointConnectionError | botocore_errors.ConnectTimeoutError):
        where = clean(endpoint, 120) or "its public endpoint"
        problem = f"AWS does not answer at {where}; check the network, HTTPS_PROXY and AWS_ENDPOINT_URL."
        return Account("", profile=profile, state="error", problem=problem, expires=ends)
    if isinstance(cause, botocore_errors.SSLError):
        where = clean(endpoint, 120) or "AWS"
        problem = f"The certificate of {where} is not trusted here; name its authority's file in AWS_CA_BUNDLE."
        return Account("", profile=profile, state="error", problem=problem, expires=ends)
    if isinstance(cause, botocore_errors.BotoCoreError | EOFError):
        return _failed(profile, cause)
    if verdict.code in _EXPIRED:
        when = f" at {ends}" if past else ""
        problem = f"The AWS credentials{_of(profile)} expired{when}; log in again, for example with {_login(profile)}."
        return Account("", profile=profile, state="expired", problem=problem, expires=ends)
    if isinstance(cause, botocore_errors.ClientError) and cause.operation_name in CREDENTIAL_CALLS:
        return _failed(profile, cause)
    denied = verdict.state is CoverageState.DENIED or verdict.status in (400, 401, 403)
    return Account("", profile=profile, state="denied" if denied else "error", problem=verdict.problem, expires=ends)


def _failed(profile: str, error: BaseException) -> Account:
    """An account that could not be asked because of what `error` says about the credentials."""
    state, problem = "error", ""
    if isinstance(error, botocore_errors.ProfileNotFound):
        problem = (
            f"There is no AWS profile named {clean(profile, 60)}; `aws configure list-profiles` shows those there are."
        )
        state = "none"
    elif isinstance(error, botocore_errors.NoCredentialsError | botocore_errors.PartialCredentialsError):
        state, problem = "none", _none(profile)
    elif isinstance(error, botocore_errors.SSOTokenLoadError):
        state, problem = "expired", f"There is no AWS login{_of(profile)} here yet; run {_login(profile)}."
    elif isinstance(error, botocore_errors.UnauthorizedSSOTokenError | botocore_errors.TokenRetrievalError):
        state, problem = "expired", f"The AWS login{_of(profile)} has expired; run {_login(profile)}."
    elif isinstance(error, EOFError):
        problem = (
            f"The credentials{_of(profile)} need an MFA code, which cannot be asked here; get a session first, "
            "for example with `aws sts get-session-token`."
        )
    elif isinstance(error, botocore_errors.CredentialRetrievalError):
        problem = f"The credentials{_of(profile)} could not be had: {clean(str(error)).rstrip(': ')}."
    elif isinstance(error, botocore_errors.ClientError):
        verdict = classify(error, "sts", "AssumeRole")
        expired = verdict.code in _EXPIRED
        state = "expired" if expired else "denied" if verdict.state is CoverageState.DENIED else "error"
        problem = f"The credentials{_of(profile)} could not be had: {verdict.problem}"
    else:
        problem = (
            f"The credentials{_of(profile)} could not be had: {classify(error, 'sts', 'GetCallerIdentity').problem}"
        )
    return Account("", profile=profile, state=state, problem=problem)
