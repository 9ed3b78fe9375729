"""Plain numbers: the fast way for answers such as 18, 1,234.50, $5 or 3/4, with exact arithmetic."""

from __future__ import annotations

import re
from fractions import Fraction

PLAIN = re.compile(r"(-?)(?:\\?\$)?(-?)([1-9]\d{0,2}(?:,\d{3})+|\d{1,40})(\.\d{1,40})?")


def plain_number(text: str) -> Fraction | None:
    """The value of a plain decimal number (sign, dollar sign and thousands commas allowed), else None."""
    match = PLAIN.fullmatch(text)
    if match is None or (match[1] and match[2]) or len(text) > 80:
        return None
    whole = match[3].replace(",", "") if "," in match[3] else match[3]
    sign = -1 if match[1] or match[2] else 1
    if match[4] is None:
        return Fraction(sign * int(whole))
    digits = match[4][1:]
    return Fraction(sign * int(whole + digits), 10 ** len(digits))
