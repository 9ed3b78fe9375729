"""Updates with a planted shape."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from evals.checkpoints.checkpoint import open_checkpoint
from evals.core.errors import UserError
from probes.measures.weight_change import compare_weights, cosine, effective_rank, paired, relative_change
from probes.weights import weights


@pytest.fixture
def save(tmp_path):
    def write(name, tensors, **lineage):
        folder = tmp_path / name
        folder.mkdir()
        save_file({k: v.astype(np.float32) for k, v in tensors.items()}, folder / "model.safetensors")
        config = {"model_type": "olmo2", "dtype": "float32"}
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "tokenizer.json").write_text("{}")
        (folder / "lineage.json").write_text(json.dumps(lineage))
        return folder

    return write


def both(before, after):
    return paired(*(open_checkpoint(str(f)).stored() for f in (before, after)), (str(before), str(after)))


@pytest.mark.parametrize("rank", [1, 3, 10])
def test_effective_rank_of_a_planted_update(rank):
    rng = np.random.default_rng(0)
    u, _ = np.linalg.qr(rng.normal(size=(40, rank)))
    v, _ = np.linalg.qr(rng.normal(size=(30, rank)))
    assert effective_rank(u @ v.T) == pytest.approx(rank)  # equal singular values
    assert np.isnan(effective_rank(np.zeros((4, 4))))


def test_planted_sparsity_and_change(save):
    rng = np.random.default_rng(0)
    a = {"w": rng.normal(size=(50, 40)), "norm": np.ones(7)}
    b = {k: v.copy() for k, v in a.items()}
    b["w"][:5] += 0.1
    found = compare_weights(both(save("a", a), save("b", b)))
    assert found["exactly_unchanged"] == pytest.approx((45 * 40 + 7) / (50 * 40 + 7))
    assert found["sparsity"] == found["exactly_unchanged"]
    moved = 0.1 * np.sqrt(200)
    norm = np.sqrt((a["w"] ** 2).sum() + 7)
    assert found["relative_change"] == pytest.approx(moved / norm, rel=1e-4)
    row = next(r for r in found["tensors"] if r["tensor"] == "w")
    assert row["effective_rank"] == pytest.approx(1, abs=1e-3)  # five equal rows
    assert relative_change(np.zeros(3), np.ones(3)) == np.inf


def test_cosine_of_planted_updates(save):
    base = {"w": np.zeros((2, 2))}
    one, other = {"w": np.array([[1.0, 0], [0, 0]])}, {"w": np.array([[1.0, 1.0], [0, 0]])}
    folders = [save(n, t) for n, t in (("base", base), ("one", one), ("other", other))]
    base, one, other = folders
    assert cosine(both(base, one), both(base, other)) == pytest.approx(np.sqrt(0.5))
    assert cosine(both(base, base), both(base, other)) is None


def test_baseline_and_lineage_are_checked(save):
    base = save("base", {"w": np.zeros((2, 2))}, recipe="base", seed=0)
    rl = save("rl", {"w": np.eye(2)}, recipe="rl", seed=0, parent="another")
    sft = save("sft", {"w": np.ones((2, 2))}, recipe="sft", seed=0)
    found = weights([str(base), str(rl), str(sft)]).to_dict()
    checks = {c["name"]: c for c in found["checks"] if c["name"] != "lineage"}
    assert checks["seed-to-seed baseline"]["passed"] is None
    assert checks["precision"]["passed"] is True
    assert found["cosines"][0]["kind"] == "rl against sft"
    lineage = [c["passed"] for c in found["checks"] if c["name"] == "lineage"]
    assert lineage == [False, None]


def test_other_architecture(save):
    a = save("a", {"w": np.zeros((2, 2))})
    with pytest.raises(UserError, match="not one architecture: w has no counterpart"):
        both(a, save("b", {"w": np.zeros((2, 3))}))
    with pytest.raises(UserError, match="not one architecture: w has no counterpart"):
        both(a, save("c", {"v": np.zeros((2, 2))}))


def found_in(*folders):
    """The finding as JSON that any reader takes, and its check of the tensors."""
    found = weights([str(f) for f in folders]).to_dict()
    text = json.dumps(found, allow_nan=False)
    named = [c for c in json.loads(text)["checks"] if c["name"] in ("same tensors", "finite weights")]
    return found, " ".join(c["detail"] for c in named)


def test_what_has_no_counterpart_is_named_and_the_rest_compared(save):
    rng = np.random.default_rng(1)
    embed, body = rng.normal(size=(6, 4)), rng.normal(size=(30, 4))
    tied = {"model.embed_tokens.weight": embed, "w": body}
    base = save("base", tied)
    untied = save("untied", tied | {"lm_head.weight": embed + 1})
    found, said = found_in(base, untied)
    assert "lm_head.weight is tied" in said
    rows = {r["tensor"]: r["relative_change"] for r in found["updates"][0]["tensors"]}
    assert rows["lm_head.weight"] == pytest.approx(relative_change(embed, embed + 1))
    resized = save("resized", {"model.embed_tokens.weight": np.vstack([embed, np.ones((2, 4))]), "w": body})
    found, said = found_in(base, resized)
    assert "has 6 rows in one and 8 in the other" in said
    assert found["updates"][0]["exactly_unchanged"] == 1
    more = save("more", tied | {"bias": np.zeros(4)})
    found, said = found_in(base, more)
    assert "bias (all zero)" in said
    zero, grown = save("zero", tied | {"bias": np.zeros(4)}), save("grown", tied | {"bias": np.ones(4)})
    _, said = found_in(zero, grown)
    assert "bias was all zero before" in said


def test_nan_is_named_and_left_out(save):
    tensors = {"w": np.ones((3, 4)), "v": np.ones(5)}
    broken = tensors | {"v": np.array([1, 2, np.nan, 4, 5])}
    found, said = found_in(save("base", tensors), save("broken", broken), save("other", tensors))
    assert "NaN or infinite values, left out: v of broken" in said
    assert found["updates"][0]["exactly_unchanged"] == 1


def test_bin_files_are_compared(save):
    import torch

    tensors = {"w": np.ones((3, 4))}
    base, other = save("base", tensors), save("other", tensors)
    (other / "model.safetensors").unlink()
    torch.save({"w": torch.full((3, 4), 2.0)}, other / "pytorch_model.bin")
    assert found_in(base, other)[0]["updates"][0]["relative_change"] == pytest.approx(1)


def test_a_parent_that_was_saved_again_is_the_parent(save):
    base = save("base", {"w": np.zeros((2, 2))})
    again = save("again", {"w": np.zeros((2, 2))})
    (again / "generation_config.json").write_text("{}")
    first = open_checkpoint(str(base))
    rl = save("rl", {"w": np.eye(2)}, parent=first.weights, parent_tensors=first.tensors)
    for start in (base, again):
        checks = weights([str(start), str(rl)]).to_dict()["checks"]
        assert [c["passed"] for c in checks if c["name"] == "lineage"] == [True]
