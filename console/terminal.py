"""What the terminal can do, decided once and before the app exists: colour, animations, link speed."""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import themes


@dataclass(frozen=True, slots=True)
class Terminal:
    """`remote`: bytes are dear, so nothing animates and views jump rather than creep. `ascii`: it has no
    block or braille characters. `problem` is why it cannot be used."""

    theme: str
    remote: bool
    colourless: bool = False
    ascii: bool = False
    problem: str = ""

    @property
    def stride(self) -> int:
        """Rows that a table's view jumps by when the cursor walks over its edge."""
        return 12 if self.remote else 1


def detect(environment: Mapping[str, str]) -> Terminal:
    """The profile of this terminal; `QUARTERDECK_TERMINAL` = local | ssh and `QUARTERDECK_THEME` overrule it."""
    name = environment.get("TERM", "")
    problem = ""
    if name in ("dumb", "unknown"):
        problem = (
            f"This terminal (TERM={name}) cannot place text, which the console needs; "
            "`quarterdeck ls ec2.instance` and its sisters print plain text."
        )
    said = environment.get("QUARTERDECK_TERMINAL", "auto")
    remote = said == "ssh" or (said != "local" and any(map(environment.get, ("SSH_CONNECTION", "SSH_TTY", "MOSH_IP"))))
    colourless = "NO_COLOR" in environment or name in ("linux", "vt100", "vt220")
    wanted = environment.get("QUARTERDECK_THEME", "")
    theme = themes.ANSI if colourless else wanted if wanted in themes.NAMES else themes.DEFAULT
    locale = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or "UTF-8"
    plain = name in ("vt100", "vt220") or (locale not in ("C", "POSIX") and "UTF" not in locale.upper())
    return Terminal(theme, remote, colourless, plain, problem)


def when_hung_up(file: int, then: Callable[[], None]) -> None:
    """Call `then`, from another thread, once the terminal behind `file` is gone.

    The kernel signals a hang-up to the session's leader alone; under `make`, `sudo` and the like that is not the pane,
    which would stay behind for ever, reading nothing as fast as it can. Waiting costs nothing until it happens.
    """

    def wait() -> None:
        watch = select.poll()
        watch.register(file, 0)  # no events asked for: only a hang-up or an error ends the wait
        watch.poll()
        then()

    threading.Thread(target=wait, name="hang-up", daemon=True).start()
