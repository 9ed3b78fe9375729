"""Configuration: nothing is silently ignored (fault 29)."""

import re
from pathlib import Path

import pytest

import trainer
from evals.asking.asking import asking_file
from evals.asking.templates import template
from evals.core.errors import UserError
from trainer.config import schema as sections
from trainer.config.load import load_config, load_study, usual_preset, validated
from trainer.config.schema import OptimizerConfig, ParallelConfig, PretrainConfig, RLConfig, SFTConfig
from trainer.pretrain import pretrain
from trainer.rl import checked
from trainer.study.plan import read_values


def test_an_unknown_key_is_an_error_with_the_nearest_name(tmp_path):
    """Fault 29 (planted and seen to fail: extra keys ignored)."""
    with pytest.raises(UserError, match=r"unknown key rl\.temprature; did you mean 'temperature'"):
        load_config(RLConfig, "rl", preset=None, path=None, overrides=["temprature=1"])
    with pytest.raises(UserError, match=r"rl\.optimizer\.lrr; did you mean 'lr'"):
        load_config(RLConfig, "rl", preset="micro", path=None, overrides=["optimizer.lrr=1"])
    with pytest.raises(UserError, match=r"sources\.0\.wieght; did you mean 'weight'"):
        validated(PretrainConfig, {"sources": [{"path": "world", "wieght": 2}]}, "pretrain")
    with pytest.raises(UserError, match="no preset 'mikro'; choose one of lm, micro, "):
        load_config(RLConfig, "rl", preset="mikro", path=None)


@pytest.mark.parametrize(
    "text",
    [
        "rl = 3", "rl = []", 'rl = [["lr", 1]]', "[[rl]]", "study = 3", "study = [[1, 2]]", "[rl]\nn = []",
        "[rl]\nn = {}", "[rl.optimizer.lr]", "rl.optimizer = 3", f"x = {'[' * 3000}", f"x = {'9' * 5000}",
        f"[rl]\nsteps = {10**400}", "[rl]\nkl = inf", "[rl]\nn = 1979-05-27", "\xff", "= 3",
        "rl = {n = 1}\n[rl]",
        "study.preset = 3", "study.preset = '../x'", "study.starts = 3", "[rl]\nalgorithm = []", "values = 3",
        "[values]\na = 3", "x = 1\n" * 300_000, "study.rl = 3", "[pretrain]\nsources = 3", "parallel.rl = 3",
    ],
    ids=range(28),
)  # fmt: skip
def test_toml_of_a_wrong_shape_is_one_sentence(text, tmp_path):
    path = tmp_path / "a.toml"
    path.write_bytes(text.encode("latin-1"))
    readers = [
        lambda: load_config(RLConfig, "rl", preset=None, path=path),
        lambda: load_config(ParallelConfig, "parallel", preset="micro", path=path),
        lambda: load_config(PretrainConfig, "pretrain", preset=None, path=path),
        lambda: load_study(path),
        lambda: read_values(path),
        lambda: asking_file(path),
        lambda: template(str(path)),
    ]
    said = []
    for read in readers:
        try:
            read()
        except UserError as error:
            said.append(str(error))
    assert len(said) >= 3
    assert max(map(len, said)) < 2000
    assert "\n" not in "".join(said)


def test_a_section_given_in_part_keeps_its_own_defaults():
    """Planted: the class's defaults instead, which lose the weight decay of pre-training."""
    config = load_config(PretrainConfig, "pretrain", preset=None, path=None, overrides=["optimizer.lr=1e-4"])
    assert config.optimizer == OptimizerConfig(lr=1e-4, weight_decay=0.1)
    rl = load_config(RLConfig, "rl", preset=None, path=None, overrides=["optimizer.lr=1e-4"])
    assert rl.optimizer.betas == (0.9, 0.999)


def test_every_field_is_read_somewhere():
    """Planted: a field that no line of the package mentions."""
    folder = Path(trainer.__file__).parent
    code = "\n".join(p.read_text("utf-8") for p in folder.rglob("*.py") if p.name != "schema.py")
    names = {
        name
        for kind in vars(sections).values()
        if isinstance(kind, type) and issubclass(kind, sections.Strict)
        for name in kind.model_fields
    }
    assert {name for name in names if not re.search(rf"\b{name}\b", code)} == set()


def test_a_language_model_is_not_trained_at_the_rate_of_a_micro_model(tmp_path):
    """Without --preset: 3e-4 would ruin it in a step."""
    for name, size in (("micro", 4_000_000), ("lm", 500_000_000)):
        (tmp_path / name).mkdir()
        with (tmp_path / name / "model.safetensors").open("wb") as stream:
            stream.truncate(size)
        assert usual_preset(str(tmp_path / name)) == name
    assert load_config(RLConfig, "rl", preset="lm", path=None).optimizer.lr == 1e-6
    (tmp_path / "micro" / "adapter_config.json").write_text("{}")
    assert usual_preset(str(tmp_path / "micro")) == "lm"


@pytest.mark.parametrize("preset", ["micro", "small", "lm", "paper-1b"])
def test_presets_are_whole(preset):
    for kind, section in (
        (PretrainConfig, "pretrain"),
        (SFTConfig, "sft"),
        (RLConfig, "rl"),
        (ParallelConfig, "parallel"),
    ):
        found = load_config(kind, section, preset=preset, path=None)
        assert kind.model_validate(found.model_dump()) == found


def test_the_papers_table_is_the_default_of_grpo():
    config = RLConfig()
    assert (config.prompts, config.minibatch, config.n, config.optimizer.lr) == (512, 128, 32, 1e-6)
    assert (config.kl, config.kl_estimator, config.dual_clip) == (0.001, "k3", 3.0)
    assert (config.clip_low, config.clip_high, config.entropy) == (0.2, 0.2, 0.0)
    assert (config.std_ddof, config.advantage_eps, config.aggregation) == (1, 1e-6, "token-mean")
    assert (config.temperature, config.max_tokens) == (1.0, 2048)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"teacher": "x", "kl": 0.0}, r"rl\.teacher has no effect with kl=0"),
        ({"algorithm": "distillation", "teacher": "x", "kl": 0.0}, r"rl\.teacher has no effect with kl=0"),
        ({"pass_k": 4}, r"rl\.pass_k is of algorithm pass-at-k alone"),
        ({"format_reward": 0.1, "reward": "math:sqrt"}, r"rl\.format_reward is added to the verifier's"),
        ({"dual_clip": 0.5}, r"rl\.dual_clip is 0 \(off\) or more than 1"),
        ({"correction_band": (0.5, 2.0)}, r"rl\.correction_band has no effect without a correction"),
        ({"correction": "token", "correction_band": (2.0, 0.5)}, r"rl\.correction_band is \[low, high\]"),
        *(
            ({"algorithm": "distillation", "teacher": "x"} | more, "distillation learns from all groups")
            for more in ({"keep_zero_variance": False}, {"refill": 1}, {"step_without_signal": False})
        ),
    ],
)  # fmt: skip
def test_options_that_others_leave_without_effect_are_refused(told, sentence):
    """Seen to fail: each was taken without a word; distillation trained nothing, or sampled in vain."""
    with pytest.raises(UserError, match=sentence):
        checked(RLConfig(**told), "rl")


def test_a_key_outside_of_the_sections_of_a_file_is_refused(tmp_path):
    """Seen to fail: seed stayed 0."""
    path = tmp_path / "run.toml"
    path.write_text("seed = 3\n[rl]\nsteps = 5\n[sft]\nbatch = 2\n")
    with pytest.raises(UserError, match=r"run\.toml: seed stands outside of \[rl\] and would have no effect"):
        load_config(RLConfig, "rl", preset=None, path=path)
    path.write_text("seed = 3\nsteps = 5\n")
    assert load_config(RLConfig, "rl", preset=None, path=path).seed == 3


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ("optimizer.betas=[0.9,1.0]", r"pretrain\.optimizer\.betas\.1: .* less than 1"),
        ("data.levels=[]", r"pretrain\.data\.levels: .* at least 1 item"),
        ("data.levels=[0]", r"pretrain\.data\.levels\.0: .* greater than or equal to 1"),
        ("model.kv_heads=-1", r"pretrain\.model\.kv_heads: .* greater than or equal to 1"),
        ("model.hidden_size=36", r"model\.hidden_size must be a multiple of twice model\.heads"),
        ("model.context=64", r"pretrain\.sequence \(256\) is more than pretrain\.model\.context \(64\)"),
    ],
)
def test_what_cannot_be_pretrained_is_one_sentence(told, sentence, tmp_path):
    """Seen to fail: a traceback of torch each; documents longer than the context were trained on."""

    def run():
        pretrain(
            load_config(PretrainConfig, "pretrain", preset=None, path=None, overrides=[told]), tmp_path / "a"
        )

    with pytest.raises(UserError, match=sentence):
        run()
    assert not (tmp_path / "a").exists()
