"""Measures checkpoints: what changed, not only how much.

One function per probe, each returning a finding (see `probes.finding`): `probes.expand.expand`,
`probes.coverage.passk`, `probes.support.support`, `probes.entropy.entropy`, `probes.likelihoods.likelihood`,
`probes.varieties.diversity`, `probes.readiness.readiness`, `probes.seeds.seeds`, `probes.budgets.efficiency`,
`probes.dynamics.dynamics`, `probes.updates.weights`, `probes.capability.capability`, `probes.study.study`.
Counts and samples come from `probes.sources`.
"""
