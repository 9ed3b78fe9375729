"""The one exception of this package: its message is the sentence that the user reads."""

from __future__ import annotations


class AnalysisError(ValueError):
    """Counts or options from which no honest number follows. The message names the thing and the mend."""
