"""From what was said on the command line to a daemon and a context. Light: the console waits for this import."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from backends.client import Context, DaemonSpec, connect, gather
from console.settings import daily_budget, reach


@dataclass(frozen=True, slots=True)
class Options:
    """What every command that talks to a daemon may be told.

    profiles  AWS profiles, polled together; none means the credential chain's own choice
    demo      talk to the running demo instead of AWS; `QUARTERDECK_DEMO` says the same, and may name which (`8-calm`)
    write     ask the daemon for a write window where an action is carried out
    """

    profiles: tuple[str, ...] = ()
    region: str = ""
    demo: bool = False
    write: bool = False

    def merged(self, other: Options) -> Options:
        """These options and those said nearer to the command."""
        return Options(
            other.profiles or self.profiles,
            other.region or self.region,
            other.demo or self.demo,
            other.write or self.write,
        )

    @property
    def wanted_demo(self) -> str | None:
        """None for AWS itself, else which demo: its name, or "" for the one that runs."""
        said = os.environ.get("QUARTERDECK_DEMO", "")
        named = "" if said.lower() in ("", "0", "1", "no", "yes", "false", "true") else said
        if self.demo or said.lower() not in ("", "0", "no", "false"):
            return named
        return None


def target(options: Options) -> tuple[DaemonSpec, Context]:
    """The daemon to talk to and whose credentials to name. ContextError, DemoError, SettingsError.

    Whoever names profiles means those alone; the accounts of `config.toml` come with the credential chain's own choice.
    """
    if options.wanted_demo is not None:
        from console.demo import running_demo

        return running_demo(options.wanted_demo)
    chosen = reach()
    if options.profiles:
        chosen = replace(chosen, roles=(), organization=None)
    context = replace(gather(profiles=options.profiles, region=options.region), reach=chosen)
    return replace(DaemonSpec.of(context), budget=daily_budget()), context


def open_console(options: Options, *, view: str = "") -> int:
    """Open the console and return its exit code. The frame is painted before the daemon has answered.

    Nothing can be shown before STS has said whose data it is, so that is waited for; without credentials it raises.
    """
    from console.app import run

    spec, context = target(options)
    return run(lambda _progress: connect(spec, context), view=view, write=options.write, banner=spec.label)
