"""Whose AWS: what the shell says about credentials, region and endpoint, before anybody has asked AWS.

Standard library only, and only its light parts: a pane imports this. Nothing here reads a secret out of a file; secrets
that the environment itself holds are carried in `Context.environment`, which is never printed, logged or stored.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from backends.reach import Reach

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy")
_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_CARRIED = frozenset(("HOME", "PATH", "BOTO_CONFIG", *_TRUST, *_PROXIES))
"""What the credential chain and the transport read beside AWS_*; PATH because credential_process names programs."""

_PARTITIONS = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-isob-", "aws-iso-b"),
    ("us-isof-", "aws-iso-f"),
    ("us-iso-", "aws-iso"),
    ("eu-isoe-", "aws-iso-e"),
    ("eusc-", "aws-eusc"),
)


class ContextError(ValueError):
    """The shell's AWS settings cannot be used; the text is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Context:
    """Whose AWS: what a client's shell says about credentials, before anybody has asked AWS.

    `environment` holds only variables that the credential chain and the transport read (AWS_*, proxies, HOME); it may
    hold secrets, stays in memory and is never logged or stored. `profiles` are polled together; empty means the chain's
    own default. `endpoint` is "" for real AWS. `reach` adds accounts that a user has configured.
    """

    profiles: tuple[str, ...] = ()
    region: str = ""
    endpoint: str = ""
    partition: str = "aws"
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    reach: Reach = field(default_factory=Reach)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"profiles": list(self.profiles), "environment": dict(self.environment)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Context:
        return cls(
            tuple(value.get("profiles", ())),
            value.get("region", ""),
            value.get("endpoint", ""),
            value.get("partition", "aws"),
            dict(value.get("environment", {})),
            Reach.from_json(value.get("reach", {})),
        )


def gather(
    environment: Mapping[str, str] | None = None,
    *,
    profiles: Sequence[str] = (),
    region: str = "",
    endpoint: str = "",
) -> Context:
    """The context that the standard credential chain would use here; arguments win over the environment.

    Raises ContextError where the configuration file cannot be read or the endpoint is no URL. Whether credentials exist
    at all is for the daemon to find out.
    """
    env = os.environ if environment is None else environment
    named = tuple(dict.fromkeys(profiles)) or tuple(
        filter(None, [env.get("AWS_PROFILE") or env.get("AWS_DEFAULT_PROFILE") or ""])
    )
    settings = _profile_settings(env, named[0] if named else "default")
    chosen = region or env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or settings.get("region", "")
    if not endpoint and env.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        endpoint = env.get("AWS_ENDPOINT_URL") or settings.get("endpoint_url", "")
    # An empty variable says nothing; botocore would take it at its word.
    carried = {name: value for name, value in env.items() if value and (name.startswith("AWS_") or name in _CARRIED)}
    return Context(named, chosen, normal_endpoint(endpoint), partition_of(chosen), carried)


def partition_of(region: str) -> str:
    """The AWS partition that a region belongs to, "aws" for none."""
    return next((partition for prefix, partition in _PARTITIONS if region.startswith(prefix)), "aws")


def normal_endpoint(url: str) -> str:
    """One spelling per endpoint: lower-case scheme and host, no default port, no trailing slash; "" stays ""."""
    if not url:
        return ""
    parts = urlsplit(url.strip())
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or port == -1 or parts.username:
        raise ContextError(f"The endpoint {url!r} is not an http or https URL; correct AWS_ENDPOINT_URL.")
    scheme, host = parts.scheme.lower(), parts.hostname.lower()
    if ":" in host:
        host = f"[{host}]"
    default = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{host}" + (f":{port}" if port and port != default else "") + parts.path.rstrip("/")


def store_id(partition: str, endpoint: str) -> str:
    """The name of the store of one (partition, endpoint): simulated and real data never share one."""
    if not endpoint:
        return partition
    from hashlib import sha256

    name = "endpoint-" + sha256(normal_endpoint(endpoint).encode()).hexdigest()[:12]
    return name if partition == "aws" else f"{partition}-{name}"


def base_home(environment: Mapping[str, str] | None = None) -> Path:
    """The directory under which every store has its own: QUARTERDECK_HOME, else the user's data directory."""
    env = os.environ if environment is None else environment
    if chosen := env.get("QUARTERDECK_HOME"):
        return Path(chosen).expanduser().absolute()
    if not env.get("HOME"):
        return private_directory(private_temporary()) / "data"
    return Path(env.get("XDG_DATA_HOME") or Path(env["HOME"]) / ".local" / "share").absolute() / "quarterdeck"


def config_directory(environment: Mapping[str, str] | None = None) -> Path:
    """Where the user's configuration files are: `$XDG_CONFIG_HOME/quarterdeck`, else under `~/.config`."""
    env = os.environ if environment is None else environment
    base = env.get("XDG_CONFIG_HOME") or str(Path(env.get("HOME", "/nonexistent")) / ".config")
    return Path(base) / "quarterdeck"


def store_home(context: Context, environment: Mapping[str, str] | None = None) -> Path:
    """The directory of the store that this context's data belongs to."""
    return base_home(environment) / store_id(context.partition, context.endpoint)


def private_temporary() -> Path:
    """The user's own directory under /tmp, for a machine that gives them no better place."""
    return Path(f"/tmp/quarterdeck-{os.getuid()}")  # noqa: S108 - made 0700 and checked by private_directory


def private_directory(path: Path) -> Path:
    """Make sure that `path` is a directory that only its owner, this user, can enter; ContextError if it is not."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise ContextError(f"{path} is not a directory of user {os.getuid()}; remove it or set QUARTERDECK_HOME.")
    if found.st_mode & 0o077:
        path.chmod(0o700)
    return path


def socket_path(home: Path, environment: Mapping[str, str] | None = None) -> Path:
    """Where the daemon of the store in `home` listens: the runtime directory, else the private one under /tmp.

    Shorter than 100 bytes, since the kernel takes no longer one. The directory is made and checked.
    """
    from hashlib import sha256

    env = os.environ if environment is None else environment
    name = sha256(os.fsencode(home.absolute())).hexdigest()[:12] + ".sock"
    runtime = env.get("XDG_RUNTIME_DIR", "")
    if runtime and Path(runtime).is_absolute() and len(os.fsencode(f"{runtime}/quarterdeck/{name}")) < 100:
        try:
            return private_directory(Path(runtime) / "quarterdeck") / name
        except (OSError, ContextError):
            pass
    return private_directory(private_temporary()) / name


def _profile_settings(env: Mapping[str, str], profile: str) -> dict[str, str]:
    """Region and endpoint of one profile in the AWS config file; empty where there is no file or no such profile."""
    home = env.get("HOME", "")
    file = Path(env.get("AWS_CONFIG_FILE") or f"{home}/.aws/config")
    if str(file).startswith("~") and home:
        file = Path(home + str(file)[1:])
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ContextError(f"The AWS configuration {file} cannot be read: {error}.") from error
    wanted = {"default", "profile default"} if profile == "default" else {f"profile {profile}"}
    return _section(text, wanted)


def _section(text: str, wanted: set[str]) -> dict[str, str]:
    """The top-level keys of the sections of those names, read as botocore does: nested (indented) keys are skipped."""
    found: dict[str, str] = {}
    inside = False
    for line in text.splitlines():
        if header := re.match(r"\s*\[\s*(.*?)\s*\]", line):
            inside = re.sub(r"\s+", " ", header[1].replace('"', "").replace("'", "")) in wanted
        elif inside and (pair := re.match(r"(\w+)\s*[=:]\s*(.*?)\s*$", line)):
            found[pair[1].lower()] = re.split(r"\s[#;]", pair[2])[0].strip()
    return found
