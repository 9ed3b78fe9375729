"""An adapter's update is in the weights that are measured, or the checkpoint is refused."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from evals.checkpoints.checkpoint import open_checkpoint
from evals.checkpoints.loading import load_causal
from evals.core.errors import UserError
from evals.engines import open_engine
from tests.evals.small import saved, tokenizer

peft = pytest.importorskip("peft")


def adapter(tmp_path, size):
    base = saved(tmp_path / "base")
    AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16).save_pretrained(base)
    torch.manual_seed(1)
    joined = peft.get_peft_model(
        AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
        peft.LoraConfig(r=4, target_modules="all-linear", base_model_name_or_path=str(base)),
    )
    for name, weight in joined.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, 0.0, size)
    joined.save_pretrained(tmp_path / "adapter")
    tokenizer().save_pretrained(tmp_path / "adapter")
    return open_checkpoint(str(tmp_path / "adapter"))


def test_an_update_that_rounding_would_undo_is_refused(tmp_path):
    found = adapter(tmp_path, 3e-5)
    load_causal(found, torch.float32)
    with pytest.raises(UserError, match=r"only \d+% of the update .* bfloat16; give --dtype float32"):
        load_causal(found, torch.bfloat16)


def test_an_adapter_is_merged_in_fp32_and_rounded_once(tmp_path):
    found = adapter(tmp_path, 0.3)
    whole, half = load_causal(found, torch.float32), load_causal(found, torch.bfloat16)
    assert half.dtype == half.config.dtype == torch.bfloat16
    for (name, weight), rounded in zip(whole.named_parameters(), half.parameters(), strict=True):
        assert torch.equal(weight.to(torch.bfloat16), rounded), name
    for name, kept in half.named_buffers():
        assert torch.equal(kept, whole.get_buffer(name)), name


TIED = {
    "embedding": {"target_modules": ["embed_tokens"]},
    "head": {"target_modules": ["q_proj", "lm_head"]},
    "both, one update": {"target_modules": ["embed_tokens"], "ensure_weight_tying": True},
    "embedding, DoRA": {"target_modules": ["embed_tokens"], "use_dora": True},
    "neither": {"target_modules": ["q_proj"]},
}


@pytest.mark.filterwarnings(
    "ignore:Model has `tie_word_embeddings=True`", "ignore:Setting `save_embedding_layers`"
)
@pytest.mark.parametrize("what", TIED)
@pytest.mark.parametrize("family", ["llama", "olmo2"])
def test_an_update_of_a_tied_embedding_or_head_is_merged_as_it_was_trained(tmp_path, family, what):
    """Seen to fail: the update of the one was in the other as well."""
    base = saved(tmp_path / "base", family, tie_word_embeddings=True)
    config = peft.LoraConfig(r=4, base_model_name_or_path=str(base), **TIED[what])
    trained = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), config)
    torch.manual_seed(3)
    with torch.no_grad():
        for weight in trained.parameters():
            if weight.requires_grad:
                weight.add_(0.2 * torch.randn_like(weight))
        ids = torch.randint(3, 270, (1, 20))
        wanted = trained.eval()(ids).logits[0, :-1].log_softmax(-1).gather(-1, ids[0, 1:, None])[:, 0]
    trained.save_pretrained(tmp_path / "adapter")
    tokenizer().save_pretrained(tmp_path / "adapter")
    engine = open_engine(open_checkpoint(str(tmp_path / "adapter")), dtype="float32")
    found = engine.score([ids[0, :1].tolist()], [ids[0, 1:].tolist()])[0]
    assert torch.allclose(torch.tensor(found), wanted, rtol=0, atol=5e-5)


@pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`")
def test_an_adapter_of_a_resized_vocabulary_says_so(tmp_path):
    """Seen to fail: the sentence asked for the base that it was trained on, which was there."""
    base = saved(tmp_path / "base")
    wide = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    rows = wide.config.vocab_size
    wide.resize_token_embeddings(rows + 2)
    config = peft.LoraConfig(
        r=2,
        target_modules=["q_proj"],
        modules_to_save=["embed_tokens", "lm_head"],
        base_model_name_or_path=str(base),
    )
    peft.get_peft_model(wide, config).save_pretrained(tmp_path / "adapter")
    found = open_checkpoint(str(tmp_path / "adapter"))
    with pytest.raises(
        UserError, match=rf"resized vocabulary, of {rows + 2} rows where its base .* {rows}; "
    ):
        load_causal(found, torch.float32)
