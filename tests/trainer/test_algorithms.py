"""Each algorithm on a categorical of four tokens, where its expected gradient is known in closed form.

Every group that n draws can give is enumerated and weighted by its probability, so nothing here is noise.
"""

import math
from itertools import product

import pytest
import torch

from trainer.algorithms import ALGORITHMS, advantages, with_defaults
from trainer.algorithms.contract import full_kl
from trainer.config.load import load_config, load_study
from trainer.config.schema import ParallelConfig, RLConfig
from trainer.rl import checked

THETA = torch.tensor([0.3, -0.5, 1.0, 0.1], dtype=torch.float64)
BINARY = torch.tensor([1.0, 0.0, 0.0, 1.0], dtype=torch.float64)
GRADED = torch.tensor([0.2, 0.0, 0.9, 0.5], dtype=torch.float64)


def config_of(name: str, n: int, **fields) -> RLConfig:
    return with_defaults(RLConfig(algorithm=name, n=n, **fields))


def direction(name: str, rewards: torch.Tensor, n: int, **fields) -> torch.Tensor:
    """Expected direction of ascent (4,): minus the gradient of the mean loss of a group, enumerated."""
    config, logp = config_of(name, n, **fields), THETA.log_softmax(0)
    total = torch.zeros(4, dtype=torch.float64)
    for group in product(range(4), repeat=n):
        theta = THETA.clone().requires_grad_()
        drawn = theta.log_softmax(0)[list(group)]
        advantage = advantages(rewards[list(group)][None], config)[0]
        terms = ALGORITHMS[name].terms(drawn, drawn.detach(), advantage, config)
        terms.loss.mean().backward()
        total -= logp[list(group)].sum().exp() * theta.grad
    return total


def slope(of) -> torch.Tensor:
    """Gradient (4,) of a function of the four probabilities."""
    theta = THETA.clone().requires_grad_()
    of(theta.softmax(0)).backward()
    return theta.grad


def close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def solved(p: torch.Tensor) -> torch.Tensor:
    return (p * BINARY).sum()


@pytest.mark.parametrize("rewards", [BINARY, GRADED])
def test_rloo_is_the_gradient_of_the_expected_reward(rewards):
    """Planted and seen to fail: the group's own mean as baseline without the factor n / (n - 1)."""
    close(direction("rloo", rewards, 3), slope(lambda p: (p * rewards).sum()))


def test_dr_grpo_is_that_gradient_times_a_constant():
    close(direction("dr-grpo", GRADED, 4), 0.75 * slope(lambda p: (p * GRADED).sum()))


@pytest.mark.parametrize("name", ["grpo", "dapo", "cispo"])
def test_grpo_weighs_each_problem_by_the_deviation_of_its_groups(name):
    """With c right of n: A = ±…/std, so the gradient is that of p times E[std · …], by the binomial."""
    n, p = 4, float(solved(THETA.softmax(0)))
    factor = 0.0
    for c in range(1, n):
        std = math.sqrt(c * (n - c) / (n * (n - 1))) + 1e-6
        right, wrong = (1 - c / n) / std, -(c / n) / std
        chance = math.comb(n, c) * p**c * (1 - p) ** (n - c)
        factor += chance * (c * right / p - (n - c) * wrong / (1 - p)) / n
    close(direction(name, BINARY, n), factor * slope(solved))


def test_dapo_lets_rare_tokens_grow_further_and_cispo_never_drops_a_gradient():
    """The gradient of one token by its ratio: cut off above 1.2, above 1.28, or held at its bound."""
    old, one = torch.tensor([-2.0]), torch.tensor([1.0])

    def gradient(name: str, ratio: float, advantage: float = 1.0) -> float:
        logp = (old + math.log(ratio)).requires_grad_()
        terms = ALGORITHMS[name].terms(logp, old, one * advantage, config_of(name, 4))
        terms.loss.sum().backward()
        return float(logp.grad)

    assert gradient("grpo", 1.25) == gradient("dapo", 1.3) == 0.0
    assert gradient("dapo", 1.25) == pytest.approx(-1.25)
    assert gradient("cispo", 1.3) == pytest.approx(-1.3)
    assert gradient("cispo", 9.0) == pytest.approx(-5.0)
    assert gradient("cispo", 0.1, -1.0) == pytest.approx(0.1)
    assert gradient("grpo", 0.1, -1.0) == 0.0


@pytest.mark.parametrize("n", [2, 3, 5])
def test_maxrl_is_the_gradient_of_the_expansion_of_the_log_likelihood(n):
    """Σ (1/k) ∇pass@k up to n - 1; planted and seen to fail: divided by the deviation."""

    def expansion(p: torch.Tensor) -> torch.Tensor:
        fails = 1 - solved(p)
        return -sum((fails**k / k for k in range(1, n)), torch.zeros((), dtype=torch.float64))

    close(direction("maxrl", BINARY, n), slope(expansion))


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("rewards", [BINARY, GRADED])
def test_pass_at_k_is_the_gradient_of_the_best_of_k(k, rewards):
    """Planted and seen to fail: weights of k draws among n in place of k - 1 among the others."""

    def best(p: torch.Tensor) -> torch.Tensor:
        draws = product(range(4), repeat=k)
        return sum(p[list(d)].prod() * rewards[list(d)].max() for d in draws)

    close(direction("pass-at-k", rewards, 4, pass_k=k), slope(best))


def test_distillation_is_the_gradient_of_the_divergence_and_rewards_do_nothing():
    teacher = torch.tensor([0.9, 0.2, -0.4, 0.0], dtype=torch.float64)
    config = config_of("distillation", 4)
    assert (config.kl, config.kl_estimator) == (1.0, "full")
    assert not advantages(GRADED[None], config).any()
    theta = THETA.clone().requires_grad_()
    full_kl(theta[None], teacher[None]).sum().backward()
    close(theta.grad, slope(lambda p: (p * (p.log() - teacher.log_softmax(0))).sum()))


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_equal_rewards_move_nothing(name):
    values = torch.full((2, 6), 0.1, dtype=torch.float64)
    values[1] = 0.0
    assert not advantages(values, config_of(name, 6, pass_k=3)).any()


OWN = {
    "grpo": {},
    "dr-grpo": {"aggregation": "constant", "kl": 0.0},
    "dapo": {
        "clip_high": 0.28,
        "kl": 0.0,
        "keep_zero_variance": False,
        "refill": 3,
        "mask_truncated": True,
    },
    "rloo": {"aggregation": "constant", "kl": 0.0, "dual_clip": 0.0},
    "cispo": {"clip_high": 4.0, "kl": 0.0},
    "maxrl": {"aggregation": "constant", "kl": 0.0, "dual_clip": 0.0},
    "pass-at-k": {"aggregation": "constant", "kl": 0.0, "dual_clip": 0.0},
    "distillation": {"kl": 1.0, "kl_estimator": "full"},
}
PRESETS = {
    "micro": {"steps": 30, "prompts": 32, "minibatch": 32, "n": 8, "max_tokens": 80, "kl": 0.0},
    "lm": {"prompts": 32, "minibatch": 32, "n": 8, "max_tokens": 512, "kl": 0.0},
    "small": {"steps": 300, "prompts": 128, "minibatch": 64, "n": 16, "max_tokens": 256},
    "paper-1b": {
        "steps": 1000,
        "problems": "openmathinstruct",
        "limit": 80_000,
        "template": "plain-boxed",
        "engine": "vllm",
    },
}
RATES = {"micro": 3e-4, "small": 3e-6, "paper-1b": 1e-6, "lm": 1e-6}
APART = {"algorithm", "optimizer", "compute", "levels", "teacher", "correction"}


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("name", sorted(OWN))
def test_what_a_preset_and_an_algorithm_resolve_to(preset, name, tmp_path):
    """An algorithm's own numbers under every preset, also in a study and in parallel averaging.

    Seen to fail: with kl = 0.001 and clip_high = 0.2 in paper-1b, DAPO was not DAPO there.
    """
    told = [f"algorithm={name}", *(["teacher=t"] if name == "distillation" else [])]
    config = checked(load_config(RLConfig, "rl", preset=preset, path=None, overrides=told), "rl")
    wanted = RLConfig().model_dump() | PRESETS[preset] | OWN[name]
    got = config.model_dump()
    assert {k: v for k, v in got.items() if k not in APART} == {
        k: v for k, v in wanted.items() if k not in APART
    }
    assert config.optimizer.lr == RATES[preset]
    assert config.optimizer.betas == (0.9, 0.999)
    assert config.correction == ("token" if preset == "paper-1b" else "off")
    both = load_config(ParallelConfig, "parallel", preset=preset, path=None, overrides=[f"rl.{told[0]}"])
    file = tmp_path / "study.toml"
    file.write_text(f'[study]\npreset = "{preset}"\n[rl]\nalgorithm = "{name}"\n')
    study = load_study(file)
    for other in (both.rl, study.rl, study.parallel.rl):
        assert {k: getattr(other, k) for k in OWN[name]} == OWN[name]
    kept = load_config(RLConfig, "rl", preset=preset, path=None, overrides=[*told, "kl=0.5", "clip_high=0.9"])
    assert (kept.kl, kept.clip_high) == (0.5, 0.9)
