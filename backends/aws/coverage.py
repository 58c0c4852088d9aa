"""What an exception from AWS means: the coverage state it leads to, whether to try again, and a sentence for people."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from botocore import exceptions as botocore_errors
from botocore.parsers import ResponseParserError

from backends.model import CoverageState, iam_action

log = logging.getLogger(__name__)

_DENIED = re.compile(
    r"AccessDenied|UnauthorizedOperation|^Unauthorized|AuthorizationError|NotAuthorized|Forbidden|^403$"
    r"|OperationNotPermitted"
)
_THROTTLED = re.compile(
    r"Throttl|RequestLimitExceeded|TooManyRequests|RateExceeded|SlowDown|BandwidthLimitExceeded"
    r"|PriorRequestNotComplete|^LimitExceededException$|^429$"
)
_DISABLED = frozenset({"OptInRequired", "SubscriptionRequiredException", "RegionDisabledException", "RegionDisabled"})
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_SKEWED = frozenset({"RequestTimeTooSkewed", "RequestInTheFuture"})
_SKEW_SECONDS = 240.0
"""AWS takes what was signed within five minutes of its own clock."""
_UNKNOWN_IDENTITY = frozenset(
    {
        *("AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"),
        *("SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "MissingAuthenticationToken"),
        *("InvalidSignature", "MissingAuthenticationTokenException"),
    }
)
_UNSUPPORTED = frozenset(
    {
        *("UnknownOperation", "UnknownOperationException", "InvalidAction", "UnsupportedOperation", "NotImplemented"),
        *("UnsupportedOperationException", "InvalidAction.Exception", "404", "501"),
    }
)
_GONE = re.compile(r"NotFound|NoSuchEntity|^NoSuch|DoesNotExist")
_TRANSIENT_STATUS = frozenset({500, 502, 503, 504})
_REQUEST_ID = re.compile(r"\s*\(?\b(?:Service: \S+|Request ?ID: \S+|request id: \S+)\)?[;,]?", re.IGNORECASE)
_ENCODED = re.compile(r"\s*Encoded authorization failure message: \S+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


class NoBundle(botocore_errors.SSLError):  # type: ignore[misc]
    """The file that names the authorities to trust cannot be used; nothing was sent."""

    fmt = "AWS_CA_BUNDLE, or ca_bundle of the profile, names {bundle}, and {what}."


class NotOffered(botocore_errors.BotoCoreError):  # type: ignore[misc]
    """AWS has no such service in this partition; nothing was sent."""

    fmt = "AWS does not offer {service} in its partition {partition}."


CREDENTIAL_CALLS = {
    "AssumeRole": "sts",
    "AssumeRoleWithWebIdentity": "sts",
    "AssumeRoleWithSAML": "sts",
    "GetRoleCredentials": "sso",
    "CreateToken": "sso-oidc",
}
"""What botocore itself asks for credentials before it sends a request: operation → service."""

NEVER_SENT = (
    botocore_errors.EndpointConnectionError,
    botocore_errors.ConnectTimeoutError,
    botocore_errors.ProxyConnectionError,
    botocore_errors.SSLError,
    botocore_errors.NoRegionError,
    botocore_errors.ParamValidationError,
)
_NO_CREDENTIALS = (botocore_errors.NoCredentialsError, botocore_errors.PartialCredentialsError)
_LOGIN_NEEDED = (
    botocore_errors.UnauthorizedSSOTokenError,
    botocore_errors.SSOTokenLoadError,
    botocore_errors.TokenRetrievalError,
)
_NO_ANSWER = (
    botocore_errors.HTTPClientError,
    botocore_errors.EndpointConnectionError,
    botocore_errors.IncompleteReadError,
    TimeoutError,
    ConnectionError,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`retry` says whether the same request may succeed soon; `gone` that what was asked about is no more.

    after   seconds until AWS wants to be asked again, 0 where it does not say
    skew    seconds that this machine's clock is ahead of AWS's, where that is why the request was refused; else 0
    """

    state: CoverageState
    problem: str
    code: str = ""
    status: int = 0
    retry: bool = False
    gone: bool = False
    after: float = 0.0
    skew: float = 0.0


def clean(text: str, limit: int = 300) -> str:
    """A message from outside as one harmless line: no controls, no request ids, no encoded blobs."""
    text = _ENCODED.sub("", _REQUEST_ID.sub("", _CONTROLS.sub(" ", text))).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"


def classify(
    error: BaseException, service: str, operation: str, *, custom_endpoint: bool = False, region_known: bool = True
) -> Verdict:
    """What `error`, raised by a request for `operation`, means.

    custom_endpoint   an answer that is not AWS's means there "does not serve this", on AWS itself "broken"
    region_known      whether the region is one the account has enabled; elsewhere AWS does not know the credentials
    """
    action = iam_action(service, operation)
    if isinstance(error, botocore_errors.ClientError):
        asked = error.operation_name
        named = iam_action(CREDENTIAL_CALLS[asked], asked) if asked in CREDENTIAL_CALLS else action
        return replace(_from_code(error, named, region_known), after=_after(_headers(error)))
    if isinstance(error, ResponseParserError):
        # The exception's text holds the whole body: it is never repeated.
        state = CoverageState.UNSUPPORTED if custom_endpoint else CoverageState.ERROR
        return Verdict(state, f"The answer to {action} was not one of AWS's.", "NotParsable", retry=not custom_endpoint)
    if isinstance(error, _NO_CREDENTIALS):
        return Verdict(CoverageState.ERROR, "No AWS credentials were found.", "NoCredentials")
    if isinstance(error, _LOGIN_NEEDED):
        problem = "The AWS login has expired; run `aws sso login`."
        return Verdict(CoverageState.ERROR, problem, "ExpiredToken")
    if isinstance(error, botocore_errors.CredentialRetrievalError):
        return Verdict(CoverageState.ERROR, f"No credentials could be had: {clean(str(error))}", "NoCredentials")
    if isinstance(error, botocore_errors.ParamValidationError):
        problem = f"The parameters of {action} are not valid: {clean(str(error))}"
        return Verdict(CoverageState.ERROR, problem, "BadParameters")
    if isinstance(error, NotOffered):
        return Verdict(CoverageState.UNSUPPORTED, str(error), "NotOffered")
    if isinstance(error, NoBundle):
        return Verdict(CoverageState.ERROR, clean(str(error)), "NoBundle")
    if isinstance(error, botocore_errors.SSLError):
        problem = f"The certificate that {action} met is not trusted here; name its authority's file in AWS_CA_BUNDLE."
        return Verdict(CoverageState.ERROR, problem, "NotTrusted")
    if isinstance(error, _NO_ANSWER):
        what = "timed out" if "Timeout" in type(error).__name__ else f"got no answer ({type(error).__name__})"
        return Verdict(CoverageState.ERROR, f"{action} {what}.", "NoAnswer", retry=True)
    if isinstance(error, botocore_errors.UnknownServiceError | botocore_errors.OperationNotPageableError):
        return Verdict(CoverageState.UNSUPPORTED, f"{action} is not known here.", "UnknownOperation")
    return _unforeseen(error, action)


def _unforeseen(error: BaseException, action: str) -> Verdict:
    """What no answer of AWS explains: where in the code it happened is in the log, for whoever mends it."""
    log.error("%s failed, and not by an answer of AWS's.", action, exc_info=error)
    what = f"{clean(str(error))} ({type(error).__name__})"
    if isinstance(error, botocore_errors.BotoCoreError | OSError | EOFError):
        return Verdict(CoverageState.ERROR, f"{action} failed: {what}.", "Failed")
    problem = f"{action} failed in Quarterdeck itself, not at AWS: {what}; the daemon's log says where."
    return Verdict(CoverageState.ERROR, problem, "Ours")


def _headers(error: botocore_errors.ClientError) -> dict[str, str]:
    found: dict[str, str] = error.response.get("ResponseMetadata", {}).get("HTTPHeaders") or {}
    return found


def _moment(text: str) -> datetime | None:
    """An instant as HTTP writes it, None for anything else."""
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _after(headers: dict[str, str]) -> float:
    """What `Retry-After` says, in seconds; an instant in it is read by AWS's own clock."""
    said = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", said):
        return float(said)
    until = _moment(said)
    now = _moment(headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds()) if until else 0.0


def _skew(code: str, headers: dict[str, str]) -> float:
    """How far ahead our clock is where the refusal may come of that and it is more than AWS puts up with; else 0."""
    told = _moment(headers.get("date", "")) if code in _SKEWED or code in _UNKNOWN_IDENTITY | _EXPIRED else None
    ahead = (datetime.now(UTC) - told).total_seconds() if told else 0.0
    return ahead if abs(ahead) >= _SKEW_SECONDS else 0.0


def _clock(skew: float, code: str) -> str:
    much = f"{abs(skew) / 60:.0f} minutes" if abs(skew) < 7200 else f"{abs(skew) / 3600:.0f} hours"
    way = "ahead of" if skew > 0 else "behind"
    return f"This machine's clock is {much} {way} that of AWS, which refuses what is signed so ({code}); set the clock."


def _from_code(error: botocore_errors.ClientError, action: str, region_known: bool) -> Verdict:
    details = error.response.get("Error", {})
    code = str(details.get("Code", ""))
    message = clean(str(details.get("Message", "")))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) or 0)
    said = f": {message.rstrip('.')}." if message and message != code else "."
    if code in _DISABLED or (code in _UNKNOWN_IDENTITY and not region_known):
        return Verdict(CoverageState.DISABLED, f"The region or service is not enabled for {action}.", code, status)
    if skew := _skew(code, _headers(error)):
        return Verdict(CoverageState.ERROR, _clock(skew, code), code, status, skew=skew)
    if code in _EXPIRED:
        problem = "The AWS credentials have expired; log in again, for example with `aws sso login`."
        return Verdict(CoverageState.ERROR, problem, code, status)
    if code in _UNKNOWN_IDENTITY | _SKEWED:
        problem = (
            f"AWS does not accept these credentials ({code}); check the access key and the clock, or log in again."
        )
        return Verdict(CoverageState.ERROR, problem, code, status)
    if _THROTTLED.search(code) or (status in (429, 503) and not _GONE.search(code)):
        return Verdict(CoverageState.THROTTLED, f"AWS throttles {action} ({code}).", code, status, retry=True)
    if _GONE.search(code):
        return Verdict(CoverageState.ERROR, f"{action}{said}", code, status, gone=True)
    if _DENIED.search(code) or status == 403:
        return Verdict(CoverageState.DENIED, f"denied({action}){said if said != '.' else ''}", code, status)
    if code in _UNSUPPORTED:
        return Verdict(CoverageState.UNSUPPORTED, f"{action} is not served here ({code}).", code, status)
    retry = status in _TRANSIENT_STATUS
    return Verdict(CoverageState.ERROR, f"{action} failed with {code or status}{said}", code, status, retry=retry)
