"""Measures checkpoints: what changed, not only how much.

One function per probe, each returning a finding (see `probes.findings.finding`): `probes.expand.expand`,
`probes.passk.passk`, `probes.support.support`, `probes.entropy.entropy`, `probes.likelihood.likelihood`,
`probes.diversity.diversity`, `probes.readiness.readiness`, `probes.seeds.seeds`,
`probes.rollouts.efficiency`,
`probes.dynamics.dynamics`, `probes.weights.weights`, `probes.capability.capability`,
`probes.study.run.study`. Counts and samples come from `probes.inputs.sources`.
"""
