"""Make the bundled model of the original: python scripts/bundle_model.py FOLDER [--passages FILE...]

FOLDER holds sentence-transformers/all-MiniLM-L6-v2 with float32 weights. Written are rag/models/weights/minilm (its
float tensors as float16, its other files as they are), the embedder's fingerprint in the weights that ship with raghop
and fit this model only, and tests/data/minilm.npz: what the original makes of some texts. With --passages, jsonl[.gz]
files of {title, text}, it prints how far the vectors of both lie apart.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from rag.embed.onnx import OnnxEmbedder
from rag.models.files import BUNDLED, locate
from rag.models.spec import read
from rag.types import Vectors

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "rag" / "models" / "weights" / "minilm"
REFERENCE = ROOT / "tests" / "data" / "minilm.npz"
FITTED = [*ROOT.glob("rag/hop/weights/*.safetensors"), *ROOT.glob("rag/reader/weights/*.safetensors")]
AS_THEY_ARE = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "modules.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
)
TEXTS = (
    "Who founded the company that made the router in building 4?",
    "The router in building 4 is a Lumen K2.",
    "The Lumen K2 is a router made by Halvorsen Optik, which Ingrid Halvorsen founded in Bergen in 1987.",
    "Until when is the laboratory accredited that tested the station's mussels?",
    "soup",
    "",
    " \n\t",
    "Soup is served until two in the afternoon. " * 60,
    "a b c d e f g h i j k l m n o p q r s t u v w x y z",
    "1, 2, 3; 4.5 % of 6,789 = 305.5",
    "zażółć gęślą jaźń",
    "東京都は日本の首都である。",
    "Die Würde des Menschen ist unantastbar.",
    "L'État, c'est moi.",
    "👩‍👩‍👧 🎉",
    "def hop(query, hits):\n    return [follow(query, hit) for hit in hits]",
    "| year | turnover |\n|---|---|\n| 2021 | 4.2 |",
    "https://example.org/a/b?c=d#e",
    "NOT ALL CAPITALS ARE SHOUTED; some are.",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--passages", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    source, target = options.folder / "model.safetensors", TARGET / "model.safetensors"

    for name in AS_THEY_ARE:
        (TARGET / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(options.folder / name, TARGET / name)
    halve(source, target)
    for path in source, target:
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}")

    fingerprint = read(BUNDLED).fingerprint()
    for path in FITTED:
        refit(path, fingerprint)
    print(f"fingerprint {fingerprint}")

    REFERENCE.parent.mkdir(exist_ok=True)
    np.savez_compressed(REFERENCE, texts=np.array(TEXTS), vectors=vectors(str(options.folder), TEXTS))
    if options.passages:
        compare(str(options.folder), [text for path in options.passages for text in passages(path)])


def halve(source: Path, target: Path) -> None:
    """Write the float tensors of a file as float16, the others as they are."""
    with safe_open(source, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        metadata = file.metadata()
    halves = {name: x.astype(np.float16) if x.dtype == np.float32 else x for name, x in tensors.items()}
    save_file(halves, target, metadata)
    target.chmod(0o644)


def refit(path: Path, fingerprint: str) -> None:
    """Write the fingerprint into a file's metadata; its tensors stay bit for bit."""
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"]["embedder"] = fingerprint
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[end:])


def vectors(model: str, texts: list[str] | tuple[str, ...]) -> Vectors:
    dense = OnnxEmbedder(model=model).embed_queries(texts).dense
    assert dense is not None
    return dense


def passages(path: Path) -> list[str]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        return [f"{row['title']}\n{row['text']}" for row in map(json.loads, lines)]


def compare(original: str, texts: list[str]) -> None:
    before, after = vectors(original, texts), vectors(str(locate(BUNDLED)), texts)
    distances = 1 - (before.astype(np.float64) * after).sum(axis=1)
    print(
        f"{len(texts)} passages: greatest difference of a number {np.abs(before - after).max():.1e}, "
        f"cosine distance {distances.mean():.1e} on average, {distances.max():.1e} at most"
    )


if __name__ == "__main__":
    main()
