"""What is declared, as JSON on stdout: `python -m backends.declarations`. Needs no AWS, no store and no daemon.

{"kinds": [Kind.as_json(), …], "actions": [Action.as_json(), …]}; the IAM policy and the docs are made of it.
"""

from __future__ import annotations

import json
import sys

from backends.actions.registry import registry_json
from backends.aws.kinds import KINDS
from backends.model import Json


def declarations() -> Json:
    """Every kind with its permissions, and every action with those that it needs."""
    return {
        "kinds": [kind.as_json() | {"paid": kind.paid, "redact": list(kind.redact)} for kind in KINDS],
        "actions": registry_json(),
    }


if __name__ == "__main__":
    json.dump(declarations(), sys.stdout)
