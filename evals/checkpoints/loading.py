"""Loading the weights of a checkpoint into a model: all of them, or one sentence on what does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from evals.checkpoints.adapters import merge, merge_into
from evals.checkpoints.checkpoint import Checkpoint
from evals.checkpoints.fitting import Gaps, check_types, refusal
from evals.checkpoints.stored import Stored
from evals.core.errors import UserError, first_line
from evals.entry import collect_now


def load_olmo2(found: Checkpoint, dtype: Any = None) -> Any:
    """The `Olmo2` module of a checkpoint, on the CPU in `dtype` (default fp32).

    ValueError where its config is of another architecture; UserError where its weights do not fit it.
    """
    import torch

    from evals.checkpoints.reading import NotFinite, read
    from evals.models.olmo2 import Olmo2, Olmo2Shape

    shape = Olmo2Shape.from_config(found.config)
    if shape is None:
        raise ValueError(f"{found.name} is not an Olmo2ForCausalLM that this package represents")
    kind = dtype or torch.float32
    collect_now(found.size)
    with torch.device("meta"):
        model = Olmo2(shape)
    wanted = {name: tuple(p.shape) for name, p in model.state_dict().items()}
    if found.adapter is not None:
        merged = load_causal(found, kind).state_dict()
        state = {name: merged[name] for name in wanted}
    else:
        stored = found.stored()
        if shape.tie_word_embeddings and "model.embed_tokens.weight" in stored:
            stored["lm_head.weight"] = stored["model.embed_tokens.weight"]
        check_types(found, stored)
        if gaps := Gaps.between({name: t.shape for name, t in stored.items()}, wanted):
            raise refusal(found, gaps)
        try:
            state = {name: read(t, kind) for name, t in stored.items() if name != "lm_head.weight"}
            tied = shape.tie_word_embeddings
            state["lm_head.weight"] = (
                state["model.embed_tokens.weight"] if tied else read(stored["lm_head.weight"], kind)
            )
        except NotFinite as error:
            raise not_finite(found, str(error)) from None
    model.load_state_dict(state, assign=True)
    return model


def tensors_of(found: Checkpoint) -> dict[str, Stored]:
    """The tensors of a checkpoint by name; those of an adapter merged into its base, in fp32."""
    if found.adapter is None:
        return found.stored()
    import torch

    merged = load_causal(found, torch.float32).state_dict()
    return {
        name: Stored(name, "F32", tuple(t.shape), found.adapter.folder, 0, 4 * t.numel(), t.float())
        for name, t in merged.items()
    }


def load_causal(found: Checkpoint, dtype: Any) -> Any:
    """The causal language model of transformers for a checkpoint, on the CPU in `dtype`, its adapter merged.

    UserError where its architecture is none, where it needs code of its own that it may not run, and where
    tensors are missing, left over or of other shapes: transformers would put random numbers there.
    """
    import torch

    from evals.checkpoints.reading import Lazy

    model_class, config = architecture(found)
    collect_now(found.size)
    bad: list[str] = []
    wanted, whole = dtype, "quantization_config" not in found.config
    small = found.adapter is not None and whole and dtype.itemsize < 4
    if small:
        dtype = torch.float32  # rounded after the merge
    stored = found.stored()
    check_types(found, stored)
    state = {name: Lazy(tensor, dtype, bad) for name, tensor in stored.items()}
    try:
        with quiet():
            model, report = model_class.from_pretrained(
                None, config=config, state_dict=state, dtype=dtype, output_loading_info=True,
                ignore_mismatched_sizes=True, **attention(config),
            )  # fmt: skip
    except UserError:
        raise
    except Exception as error:  # transformers and its quantizers raise dozens of kinds
        if bad:
            raise not_finite(found, bad[0]) from None
        raise UserError(
            f"checkpoint {found.name} does not load: {first_line(error)}; save it again"
        ) from error
    if gaps := Gaps.reported(report, stored):
        raise refusal(found, gaps)
    if bad:
        raise not_finite(found, bad[0])
    model.eval()
    if found.adapter is None:
        return model
    with quiet():
        if small:
            return merge_into(model, found.adapter, found.name, wanted)
        return merge(model, found.adapter, found.name)


@contextmanager
def sound(found: Checkpoint) -> Iterator[None]:
    """Errors of libraries while a checkpoint is loaded, as one sentence each; memory names what saves it."""
    import torch

    try:
        yield
    except UserError:
        raise
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise out_of_memory(found) from error
    except Exception as error:  # torch, transformers and safetensors raise dozens of kinds
        if "not enough memory" in str(error) or "can't allocate memory" in str(error):
            raise out_of_memory(found) from error
        raise UserError(
            f"checkpoint {found.name} does not load: {first_line(error)}; save it again"
        ) from error


def out_of_memory(found: Checkpoint) -> UserError:
    """A sentence for weights that do not fit into memory."""
    size = found.size / 1e9
    return UserError(
        f"checkpoint {found.name} ({size:.1f} GB on disk) does not fit into memory; load it with --dtype "
        "bfloat16, on a larger machine or GPU, or with --engine vllm on several"
    )


def only_plain(found: Checkpoint, program: str) -> None:
    """UserError where another program would not read the same weights and tokenizer from the folder."""
    if not found.plain:
        what = "an adapter" if found.adapter else "weights under a wrapper's names, or another tokenizer"
        raise UserError(
            f"{found.name} has {what}, which {program} does not read as this program does; use "
            "--engine torch, "
            "or save it merged with its tokenizer by save_pretrained of transformers"
        )


def not_finite(found: Checkpoint, tensor: str) -> UserError:
    """A sentence for weights that no model can be run with."""
    return UserError(
        f"checkpoint {found.name} is damaged: {tensor} holds NaN or infinite values, as a run that diverged "
        "saves them; give a checkpoint from before"
    )


def architecture(found: Checkpoint) -> tuple[Any, Any]:
    """(class, config) of transformers; UserError where it has none that samples text."""
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.models.auto.auto_factory import _get_model_class

    named = [str(a) for a in found.config.get("architectures") or [] if isinstance(a, str)]
    own = found.config.get("auto_map")
    if wrong := [a for a in named if a.endswith(HEADS)]:
        raise UserError(
            f"checkpoint {found.name} is a {wrong[0]}, which has no head for language: a reward model or a "
            "classifier; give the policy's checkpoint"
        )
    try:
        with quiet():
            config = AutoConfig.from_pretrained(str(found.path), trust_remote_code=found.own_code)
        if isinstance(own, dict) and "AutoModelForCausalLM" in own and found.own_code:
            from transformers.dynamic_module_utils import get_class_from_dynamic_module

            return get_class_from_dynamic_module(own["AutoModelForCausalLM"], str(found.path)), config
        if type(config) not in AutoModelForCausalLM._model_mapping:
            raise UserError(
                f"checkpoint {found.name} is a {config.model_type}, which transformers does not run "
                "as a causal "
                "language model; give a decoder's checkpoint"
            )
        model_class = _get_model_class(config, AutoModelForCausalLM._model_mapping)
    except UserError:
        raise
    except Exception as error:
        if own and not found.own_code:
            raise own_code(found) from error
        raise UserError(
            f"checkpoint {found.name} does not load: {first_line(error)}; fix config.json"
        ) from error
    if own and not found.own_code and named and model_class.__name__ not in named:
        raise own_code(found)
    return model_class, config


def attention(config: Any) -> dict[str, str]:
    """What a model of this configuration is loaded with, so that its attention is the published one.

    transformers computes soft-capped logits (Gemma 2) in its eager attention alone; the others leave them as
    they are, without a word.
    """
    caps = [getattr(one, "attn_logit_softcapping", None) for one in (config, config.get_text_config())]
    return {"attn_implementation": "eager"} if any(isinstance(cap, int | float) for cap in caps) else {}


def own_code(found: Checkpoint) -> UserError:
    """A sentence for a checkpoint whose architecture stands in its own folder as Python."""
    return UserError(
        f"checkpoint {found.name} needs code of its own (auto_map in its config), which is not run "
        "unasked; read "
        "that code, and give --trust-remote-code to run it"
    )


HEADS = ("ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering", "ForMaskedLM",
         "ForMultipleChoice", "ForRewardModel", "RewardModel", "ForPreTraining")  # fmt: skip


@contextmanager
def quiet() -> Iterator[None]:
    """transformers without its progress bars and its report, of which the errors here say the same."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
