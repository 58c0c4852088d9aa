"""`python -m backends.daemon.worker`: the analytics worker. Jobs come in as JSON lines, frames as Arrow files.

    {"id": 1, "job": "forecasts", "inputs": {"prices": "…/in.arrow"}, "parameters": {}, "outputs": "…/dir"}
    {"id": 1, "outputs": {"forecasts": "…/dir/forecasts.arrow"}, "seconds": 3.2}     or {"id": 1, "error": "…"}

It is nice to everybody else, keeps its libraries loaded between jobs, and ends at once when its input closes, in the
middle of a job too.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import Any

from backends.niceness import stand_back


def main() -> int:
    """Work until the pipe closes."""
    stand_back()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s worker: %(message)s")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Whatever a library prints goes to the log, not between the replies.
    os.dup2(2, 1)
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(waiting,), daemon=True).start()
    while True:
        task = json.loads(waiting.get())
        try:
            reply = perform(task)
        except Exception as error:
            logging.exception("The job %r failed", task.get("job"))
            reply = {"error": f"{type(error).__name__}: {str(error)[:300]}"}
        replies.write(json.dumps({"id": task["id"], **reply}) + "\n")
        replies.flush()


def _listen(waiting: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        waiting.put(line)
    os._exit(0)


def perform(task: dict[str, Any]) -> dict[str, Any]:
    """Run one job: its input files become frames, its frames become files."""
    import polars as pl

    from analytics.jobs import JOBS

    started = time.monotonic()
    frames = {name: pl.read_ipc(path) for name, path in task["inputs"].items()}
    results = JOBS[task["job"]](frames, task.get("parameters", {}))
    outputs, rows = {}, {}
    for name, frame in results.items():
        path = Path(task["outputs"]) / f"{name}.arrow"
        frame.write_ipc_stream(path, compat_level=pl.CompatLevel.oldest())
        outputs[name], rows[name] = str(path), frame.height
    return {"outputs": outputs, "rows": rows, "seconds": round(time.monotonic() - started, 3)}


if __name__ == "__main__":
    sys.exit(main())
