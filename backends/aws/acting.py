"""One request for an action. A request that changes something is sent once and never again by us or by botocore."""

from __future__ import annotations

import re

from botocore import exceptions as botocore_errors

from backends.aws.coverage import NEVER_SENT, clean
from backends.aws.logins import Login
from backends.aws.redact import Redactor
from backends.aws.requests import ATTEMPTS, Line, Refusal, Requester, Tally
from backends.aws.session import Sessions
from backends.aws.tasks import AwsError
from backends.model import Json, iam_action

_READS = re.compile(r"(Describe|List|Get|Search|Lookup|Simulate|Select|Estimate|Preview|Head|BatchGet)[A-Z]")
_GETS_THAT_CHANGE = frozenset({"GetSessionToken", "GetFederationToken"})


def only_reads(operation: str) -> bool:
    """Whether the operation's name says that it changes nothing, so that it may be repeated."""
    return bool(_READS.match(operation)) and operation not in _GETS_THAT_CHANGE


async def perform(
    sessions: Sessions,
    requester: Requester,
    login: Login,
    account: str,
    region: str,
    service: str,
    operation: str,
    parameters: Json,
    tally: Tally,
) -> Json:
    """The answer, secrets blanked; what it cost is added to `tally`. AwsError says whether the outcome is known."""
    action = iam_action(service, operation)
    reads = only_reads(operation)
    line = Line(account, region, tally, focus=True, attempts=ATTEMPTS if reads else 1)
    try:
        client = await sessions.client(login, service, region, acting=not reads)
        if operation not in client.meta.method_to_api_mapping.values():
            raise AwsError("UnknownOperation", f"{service} has no operation {operation}.", action)
        answer = await requester.send(client, line, service, operation, parameters, 0.0)
    except Refusal as refusal:
        raise _failure(refusal, action, reads) from None
    except botocore_errors.BotoCoreError as error:
        # Raised while the client was made: nothing was sent.
        raise AwsError("NotSent", f"{action} was not sent: {clean(str(error))}", action) from None
    redacted: Json = Redactor()(answer)
    return redacted


def _failure(refusal: Refusal, action: str, reads: bool) -> AwsError:
    verdict, cause = refusal.verdict, refusal.cause
    if isinstance(cause, botocore_errors.ClientError):
        # A server's own error (5xx) may come after the deed.
        return AwsError(verdict.code, verdict.problem, action, verdict.status, reads or verdict.status < 500)
    never_sent = isinstance(cause, NEVER_SENT) or verdict.code in ("NoCredentials", "ExpiredToken")
    code = "NotSent" if isinstance(cause, NEVER_SENT) and verdict.code == "NoAnswer" else verdict.code
    return AwsError(code, verdict.problem, action, verdict.status, reads or never_sent)
