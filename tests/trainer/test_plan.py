"""The plan of the paper's programme: the page in the repository, small cases by hand, the longest chain."""

from pathlib import Path

import pytest

from evals.core.errors import UserError
from trainer.config.load import load_study, preset_file
from trainer.study import plan

PACKAGE = Path(plan.__file__).parent


@pytest.fixture(scope="module")
def values():
    return {k: float(e["value"]) for k, e in plan.read_values(PACKAGE / "plan.toml").items()}


def test_the_page_is_what_the_command_writes():
    assert (PACKAGE.parent / "PLAN.md").read_text("utf-8") == plan.page(PACKAGE / "plan.toml")


def test_every_value_that_was_not_measured_says_so_or_names_its_source():
    for name, entry in plan.read_values(PACKAGE / "plan.toml").items():
        said = entry["source"]
        assert entry.get("measured") or "not measured here" in said or "assumption" not in said, name


def test_hours_are_the_arithmetic_by_hand(values):
    config = load_study(preset_file("paper-1b"))
    kinds = {k.name: k for k in plan.costs(config, values)}
    shape = plan.shape_of(config.pretrain.model, int(values["vocabulary"]))
    used = (
        plan.costs_of(shape).matrices + shape.hidden_size * shape.vocab_size
    )  # the input table multiplies nothing
    attention = 12 * shape.num_hidden_layers * shape.hidden_size * config.pretrain.sequence
    flops = config.pretrain.tokens * (6 * used + attention)
    assert kinds["pre-training"].hours == pytest.approx(flops / (989e12 * 0.4) / 3600)
    assert kinds["rl"].sampled == 1000 * 512 * 32
    assert kinds["sft-gold"].training == pytest.approx(23 * kinds["sft"].training)
    assert kinds["evaluation"].jobs == 9 + 9 * 6 * 4
    assert [k.jobs for k in kinds.values()].count(36) == 6
    step = 2 * plan.parameters(shape) + 256 * 350 * 2 * 2 * 16 * 2048
    assert plan.decode_rate(shape, values) == pytest.approx(256 * 3.35e12 / 2 / step)


def test_more_machines_help_until_the_longest_chain(values):
    kinds = plan.costs(load_study(preset_file("paper-1b")), values)
    whole = sum(k.hours for k in kinds)
    assert plan.days(kinds, 8) == pytest.approx(whole / 8 / 24)
    by = {k.name: k for k in kinds}
    chain = sum(by[n].training + by[n].sampling for n in ("sft-gold", "sft-gold-rl", "evaluation"))
    assert plan.days(kinds, 10**9) == pytest.approx(chain / 8 / 24, rel=1e-3)


def test_a_file_of_values_that_lacks_something_is_refused(tmp_path):
    path = tmp_path / "values.toml"
    path.write_text("[values.seeds]\nvalue = 4\n")
    with pytest.raises(UserError, match=r"values\.seeds needs `value` and `source`"):
        plan.read_values(path)
    with pytest.raises(UserError, match="cannot be read"):
        plan.read_values(tmp_path / "absent.toml")
