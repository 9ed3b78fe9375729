"""Where it changed: a comparison by groups of problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from analysis import Options, PairedCounts
from analysis.families.groups import by_base_difficulty, by_group
from probes.findings.types import Comparison, Grouping


def with_groups(
    c: Comparison, pair: PairedCounts, labels: Mapping[str, pd.Series | None], options: Options
) -> Comparison:
    """The comparison with the two numbers of every group, at the K of its verdict.

    pair: its counts. labels: of each key, the group by problem id; None groups by how often A is right,
    cross-fitted (`analysis.families.groups`). Holm's adjustment is over the groups of one key. AnalysisError
    where all problems of the pair are in one group, or have one sample.
    """
    pair = pair.without_short()[0]
    options = replace(options, K=c.options.K if c.options.K > 1 else None)
    groupings = []
    for key, by_problem in labels.items():
        if by_problem is None:
            found = by_base_difficulty(pair, options)
        else:
            found = by_group(pair, by_problem.loc[list(pair.problems)].to_numpy(), options)
        groupings.append(Grouping.model_validate({"by": key, **found}))
    return c.model_copy(update={"groups": tuple(groupings)})
