"""The driver of the analytics worker: one process, one job at a time, each with a deadline, killed and started anew."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from backends.model import Json

log = logging.getLogger(__name__)

_IDLE_SECONDS = 300.0
_LIBRARIES = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "RAYON", "ARROW")
_CAPS = {"POLARS_MAX_THREADS": "1"} | {f"{library}_NUM_THREADS": "1" for library in _LIBRARIES}
_KEPT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


class JobFailed(Exception):
    """A job ended in an error, ran past its deadline or lost its worker; the text is a sentence."""


class Worker:
    """The one worker process of a daemon; started when first needed, let go when idle."""

    def __init__(self, module: str = "backends.daemon.worker") -> None:
        self._module = module
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._numbers = itertools.count(1)
        self._letting_go: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def run(self, job: str, inputs: Mapping[str, Path], outputs: Path, parameters: Json, seconds: float) -> Json:
        """Run a job → {"outputs": {name: path}, "seconds": …}; JobFailed otherwise, with the worker gone if it hung."""
        async with self._turn:
            if self._letting_go is not None:
                self._letting_go.cancel()
            process = await self._alive()
            number = next(self._numbers)
            files = {name: str(path) for name, path in inputs.items()}
            task = {"id": number, "job": job, "inputs": files, "parameters": parameters, "outputs": str(outputs)}
            try:
                async with asyncio.timeout(seconds):
                    reply = await self._ask(process, task)
            except TimeoutError:
                await self.close()
                raise JobFailed(f"The job {job} took longer than {seconds:g} s and was stopped.") from None
            except BaseException:
                await self.close()
                raise
            self._letting_go = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._let_go)
            if "error" in reply:
                raise JobFailed(f"The job {job} failed: {reply['error']}")
            return reply

    async def _ask(self, process: asyncio.subprocess.Process, task: Json) -> Json:
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(task).encode() + b"\n")
            await process.stdin.drain()
            while line := await process.stdout.readline():
                reply: Json = json.loads(line)
                if reply.get("id") == task["id"]:
                    return reply
        except OSError as error:
            raise JobFailed(f"The analytics worker went away during {task['job']}.") from error
        raise JobFailed(f"The analytics worker went away during {task['job']}.")

    async def _alive(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("PYTHON")}
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", self._module),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=kept | _CAPS,
                cwd="/",
                start_new_session=True,
            )
        return self._process

    def _let_go(self) -> asyncio.subprocess.Process | None:
        """End the worker at once, stopped or not; a job that comes while it is still ending gets another."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
        return process

    async def close(self) -> None:
        """End the worker, whatever it is doing."""
        if self._letting_go is not None:
            self._letting_go.cancel()
        if (process := self._let_go()) is not None:
            await process.wait()
