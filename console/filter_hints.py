"""What may have been meant by a filter that found nothing, in words that screens and the command line share."""

from __future__ import annotations

import re

_SPLIT = re.compile(r'(?<!\S)(!?(?:tag:[^\s"=!~]+|[A-Za-z_]\w*)(?:!=|=|~))([^\s"|]+(?:\s+[^\s"|!~=<>:]+)+)(?=\s|$)')


def unquoted(filter: str) -> str:
    """`service=AWS Lambda` looks for the service "AWS" and for the word "Lambda" anywhere; "" where nothing is so."""
    match = _SPLIT.search(filter)
    if match is None:
        return ""
    value = " ".join(match[2].split())
    return f'A value that has blanks needs quotes, as in {match[1]}"{value}".'
