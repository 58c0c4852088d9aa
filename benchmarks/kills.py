"""kill -9 of a process that writes sweeps, at any instant: does the store open again with all that was acknowledged?

`python -m benchmarks.kills 1000 [SEED]` takes the number of kills; hundreds of them a minute.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.figures import Figure

SCRIPT = Path(__file__).parents[1] / "tests" / "unit" / "store_crash.py"
ROUNDS = 200


def run(rounds: int = ROUNDS, seed: int = 7) -> list[Figure]:
    # What is wrong with a store goes to the terminal, whole.
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(rounds), str(seed)], stdout=subprocess.PIPE, text=True, check=False
    )
    against = f"{rounds} kills"
    if done.returncode:
        # The script stops at the first store that is not whole.
        return [Figure("writer killed: store not whole", 1, "", 0, against, "what is wrong stands above")]
    found = json.loads(done.stdout)
    detail = (
        f"{found['kills']} of {rounds} reopened, {found['inside']} of them killed inside a sweep and "
        f"{found['amid']} amid a checkpoint, "
        f"{found['acknowledged']} sweeps acknowledged; {found['bytes'] / 1e6:.1f} MB at the end"
    )
    return [
        Figure("writer killed: lost, torn or not reopened", rounds - found["kills"], "", 0, against, detail),
        Figure("writer killed: slowest reopening", found["slowest_open_ms"], "ms", 5000, against),
    ]


if __name__ == "__main__":
    for figure in run(*map(int, sys.argv[1:])):
        print(figure)
