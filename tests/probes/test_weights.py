"""Updates with a planted shape."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from evals.core.errors import UserError
from probes.measures.weight_change import compare_weights, cosine, effective_rank, relative_change
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
    found = compare_weights(save("a", a), save("b", b))
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
    assert cosine(*folders) == pytest.approx(np.sqrt(0.5))
    assert cosine(folders[0], folders[0], folders[2]) is None


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
    with pytest.raises(UserError, match="differ in the shape of w"):
        compare_weights(a, save("b", {"w": np.zeros((3, 2))}))
    with pytest.raises(UserError, match="has no tensor"):
        compare_weights(a, save("c", {}))
