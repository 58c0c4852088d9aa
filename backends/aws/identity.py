"""Who the credentials are: the account that STS names, its alias, its regions, and when the credentials end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from botocore import exceptions as botocore_errors

from backends.aws.coverage import CREDENTIAL_CALLS, NoBundle, classify, clean
from backends.aws.logins import Login
from backends.aws.regions import enabled_regions
from backends.aws.requests import Line, Refusal, Requester, Tally
from backends.aws.session import Sessions
from backends.context import Context
from backends.model import Account, CoverageState

_QUICK = 2
"""Attempts: somebody waits for the answer."""
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})


async def identify(sessions: Sessions, requester: Requester, login: Login) -> Account:
    """What AWS says about a login. Never raises for credentials or transport."""
    try:
        credentials = await sessions.credentials(login)
        if login.role is not None and (problem := _elsewhere(login.role.arn, sessions.context)):
            found = Account("", profile=login.profile, state="error", problem=problem)
        elif credentials is None:
            found = Account("", profile=login.profile, state="none", problem=_none(login.profile))
        else:
            found = await _ask(sessions, requester, login, credentials)
    except Exception as error:
        found = _failed(login, error)
    if login.role is None:
        return found
    # AWS may repeat what it was sent.
    secret = login.role.external_id
    problem = found.problem.replace(secret, "[external id]") if secret else found.problem
    # Its credentials end within the hour and are had anew each time: nobody has to do anything about it.
    return replace(found, role=login.role.arn, problem=problem, expires="")


async def _ask(sessions: Sessions, requester: Requester, login: Login, credentials: Any) -> Account:
    region = sessions.region_of(login)
    number, tally = login.role.account if login.role else "", Tally()
    try:
        sts = await sessions.client(login, "sts", region)
        line = Line("", region, tally, focus=True, attempts=_QUICK)
        caller = await requester.send(sts, line, "sts", "GetCallerIdentity", {}, 0.0)
        number, arn = str(caller["Account"]), str(caller.get("Arn", ""))
        if problem := _elsewhere(arn, sessions.context):
            return Account("", profile=login.profile, state="error", problem=problem)
        return await _known(sessions, requester, login, credentials, Line(number, region, tally, True, _QUICK), arn)
    except Refusal as refusal:
        return _refused(login, refusal, credentials, sessions.context.endpoint)
    finally:
        sessions.asides.note(number, tally)


async def _known(
    sessions: Sessions, requester: Requester, login: Login, credentials: Any, line: Line, arn: str
) -> Account:
    """What else there is to know of an account that STS has named."""
    region = line.region
    ec2 = await sessions.client(login, "ec2", region)
    wanted = login.role.regions if login.role else ()
    regions, problem, told = await enabled_regions(requester, ec2, line, region, wanted)
    alias = await _alias(sessions, requester, login, line)
    unheard = tuple(name for name, heard in (("regions", told), ("alias", alias is not None)) if not heard)
    ends = _expires(credentials)
    return Account(line.account, arn, alias or "", login.profile, regions, "ok", problem, ends, unheard=unheard)


def _elsewhere(arn: str, context: Context) -> str:
    """What is wrong where an identity is of another partition than the store; "" where nothing is, or none is told."""
    parts = arn.split(":")
    if len(parts) < 6 or parts[1] == context.partition:
        return ""
    return (
        f"These credentials are of partition {clean(parts[1], 20)}, and this store belongs to {context.partition}; "
        "name a region of theirs, for example in AWS_REGION."
    )


async def _alias(sessions: Sessions, requester: Requester, login: Login, line: Line) -> str | None:
    """The account's alias, "" where there is none, None where AWS does not tell."""
    try:
        iam = await sessions.client(login, "iam", sessions.home_region)
        answer = await requester.send(iam, line, "iam", "ListAccountAliases", {}, 0.0)
    except Refusal:
        return None
    return str(next(iter(answer.get("AccountAliases", [])), ""))


def _expires(credentials: Any) -> str:
    ends = getattr(credentials, "_expiry_time", None)
    return ends.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(ends, datetime) else ""


def _of(login: Login) -> str:
    if login.role is not None:
        return f" of role {clean(login.role.arn, 200)}"
    return f" of profile {clean(login.profile, 60)}" if login.profile else ""


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


def _refused(login: Login, refusal: Refusal, credentials: Any, endpoint: str) -> Account:
    verdict, cause = refusal.verdict, refusal.cause
    ends = _expires(credentials)
    past = bool(ends) and ends <= datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(cause, botocore_errors.EndpointConnectionError | botocore_errors.ConnectTimeoutError):
        where = clean(endpoint, 120) or "its public endpoint"
        problem = f"AWS does not answer at {where}; check the network, HTTPS_PROXY and AWS_ENDPOINT_URL."
        return Account("", profile=login.profile, state="error", problem=problem, expires=ends)
    if isinstance(cause, NoBundle):
        return Account("", profile=login.profile, state="error", problem=verdict.problem, expires=ends)
    if isinstance(cause, botocore_errors.SSLError):
        where = clean(endpoint, 120) or "AWS"
        problem = f"The certificate of {where} is not trusted here; name its authority's file in AWS_CA_BUNDLE."
        return Account("", profile=login.profile, state="error", problem=problem, expires=ends)
    if isinstance(cause, botocore_errors.BotoCoreError | EOFError):
        return _failed(login, cause)
    if verdict.skew:
        return Account("", profile=login.profile, state="error", problem=verdict.problem, expires=ends)
    if verdict.code in _EXPIRED:
        when = f" at {ends}" if past else ""
        problem = (
            f"The AWS credentials{_of(login)} expired{when}; log in again, for example with {_login(login.profile)}."
        )
        return Account("", profile=login.profile, state="expired", problem=problem, expires=ends)
    if isinstance(cause, botocore_errors.ClientError) and cause.operation_name in CREDENTIAL_CALLS:
        return _failed(login, cause)
    denied = verdict.state is CoverageState.DENIED or verdict.status in (400, 401, 403)
    return Account(
        "", profile=login.profile, state="denied" if denied else "error", problem=verdict.problem, expires=ends
    )


def _failed(login: Login, error: BaseException) -> Account:
    """An account that could not be asked because of what `error` says about the credentials."""
    state, problem = "error", ""
    if isinstance(error, botocore_errors.ProfileNotFound):
        named = clean(login.profile, 60)
        problem = f"There is no AWS profile named {named}; `aws configure list-profiles` shows those there are."
        state = "none"
    elif isinstance(error, botocore_errors.NoCredentialsError | botocore_errors.PartialCredentialsError):
        state, problem = "none", _none(login.profile)
    elif isinstance(error, botocore_errors.SSOTokenLoadError):
        state, problem = "expired", f"There is no AWS login{_of(login)} here yet; run {_login(login.profile)}."
    elif isinstance(error, botocore_errors.UnauthorizedSSOTokenError | botocore_errors.TokenRetrievalError):
        state, problem = "expired", f"The AWS login{_of(login)} has expired; run {_login(login.profile)}."
    elif isinstance(error, EOFError):
        problem = (
            f"The credentials{_of(login)} need an MFA code, which cannot be asked here; get a session first, "
            "for example with `aws sts get-session-token`."
        )
    elif isinstance(error, botocore_errors.CredentialRetrievalError):
        problem = f"The credentials{_of(login)} could not be had: {clean(str(error)).rstrip(': ')}."
    elif isinstance(error, botocore_errors.ClientError):
        verdict = classify(error, "sts", "AssumeRole")
        expired = verdict.code in _EXPIRED
        state = "expired" if expired else "denied" if verdict.state is CoverageState.DENIED else "error"
        problem = f"The credentials{_of(login)} could not be had: {verdict.problem}"
    else:
        problem = f"The credentials{_of(login)} could not be had: {classify(error, 'sts', 'GetCallerIdentity').problem}"
    return Account("", profile=login.profile, state=state, problem=problem)
