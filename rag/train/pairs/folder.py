"""The folder of a trained model: transformers' own files, and sentence-transformers' for pooling, Dense and prompts."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from rag.models.files import locate
from rag.models.spec import ModelSpec

DENSE = "linear.weight"
KEPT = ("tokenizer*", "special_tokens_map.json", "vocab.txt", "*.model", "sentence_bert_config.json")
PROMPTS = "config_sentence_transformers.json"


def write_folder(out: Path, network: Any, spec: ModelSpec, projection: torch.nn.Linear | None = None) -> None:
    """Write a network that was begun with the model of `spec`, and a Dense module after its pooling.

    What was there stays until the new folder is whole.
    """
    draft = out.with_name(f"{out.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    network.save_pretrained(draft)
    for pattern in KEPT:
        for path in spec.folder.glob(pattern):
            shutil.copyfile(path, draft / path.name)
    if (prompts := locate(spec.name) / PROMPTS).exists():
        shutil.copyfile(prompts, draft / PROMPTS)
    modules = [("Transformer", ""), ("Pooling", "1_Pooling")]
    _write(draft / "1_Pooling", {"word_embedding_dimension": spec.hidden, "pooling_mode": spec.pooling[0]})
    if projection is not None:
        modules.append(("Dense", "2_Dense"))
        width = projection.out_features
        linear = {"in_features": spec.hidden, "out_features": width, "bias": False}
        _write(draft / "2_Dense", {**linear, "activation_function": "torch.nn.modules.linear.Identity"})
        save_file({DENSE: projection.weight.detach().cpu().contiguous()}, draft / "2_Dense" / "model.safetensors")
    modules += [("Normalize", f"{len(modules)}_Normalize")] * spec.normalise
    kinds = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(modules)
    ]
    (draft / "modules.json").write_text(json.dumps(kinds, indent=1))
    if out.exists():
        out.rmdir()  # it is empty, or this was refused
    draft.rename(out)


def _write(folder: Path, config: Any) -> None:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config, indent=1))
