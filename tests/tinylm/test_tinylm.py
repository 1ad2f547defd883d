"""The packaged model and its tasks are what their scripts make."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_mcode.benchmarks.tiny import TASKS, Tiny
from pytest_mcode.core.errors import ConfigError
from pytest_mcode.servers.llama_cpp import MODELS, TINY

from .conversations import corpus_tokenizer
from .gguf_metadata import read_metadata
from .tasks import PACKAGED, benchmark_lines, read_tasks
from .tokenizer import ALPHABET, CHAT_TEMPLATE, SPECIAL, Tokenizer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return corpus_tokenizer(1024)


def test_the_packaged_tasks_are_the_scripts_output() -> None:
    """`python -m tests.tinylm.tasks` writes the file that the package carries, byte for byte."""
    assert PACKAGED == TASKS
    assert PACKAGED.read_text("utf-8") == benchmark_lines()


def test_the_command_writes_the_file(tmp_path: Path) -> None:
    """The one command that makes the benchmark file works from the root of the project."""
    target = tmp_path / "tiny.jsonl"
    subprocess.run([sys.executable, "-m", "tests.tinylm.tasks", target], cwd=ROOT, check=True)
    assert target.read_bytes() == PACKAGED.read_bytes()


def test_tiny_loads_ten_tasks_without_data() -> None:
    """The benchmark `tiny` has ten tasks with readable ids, whatever --mcode-data says."""
    dataset = Tiny().load(Path("/nowhere"))
    assert [task.task_id for task in dataset.tasks] == [f"tiny/{t.name}" for t in read_tasks()]
    assert len(dataset.tasks) == 10
    assert [task.checks for task in dataset.tasks] == [len(t.tests) for t in read_tasks()]
    with pytest.raises(ConfigError, match="takes no variant"):
        Tiny("big")


def test_good_solutions_hold_and_flawed_ones_do_not() -> None:
    """Every right solution satisfies its task's tests, every flawed one breaks them (own code)."""
    for task in read_tasks():
        for body in (*task.good, *task.flawed):
            space: dict[str, object] = {}
            exec(task.code(body), space)
            assert _holds(task.tests, space[task.name]) == (body in task.good), (task.name, body)


def _holds(tests: tuple[str, ...], function: object) -> bool:
    try:
        return all(eval(test, {"f": function}) for test in tests)
    except (IndexError, TypeError):
        return False


@pytest.mark.parametrize("file", TINY.values())
def test_the_data_stream_gives_the_packaged_tokenizer(file: str, tokenizer: Tokenizer) -> None:
    """Tasks, wording and the order of random draws still make the very tokenizer in the models."""
    packaged = read_metadata(MODELS / file)
    assert packaged["tokenizer.ggml.merges"] == [" ".join(merge) for merge in tokenizer.merges]
    assert packaged["tokenizer.ggml.tokens"] == tokenizer.tokens
    assert packaged["tokenizer.chat_template"] == CHAT_TEMPLATE
    assert packaged["tokenizer.ggml.tokens"][-3:] == list(SPECIAL)


@pytest.mark.parametrize("text", ["def f(x):\n    return x  # naïve ☃\n", "<|im_start|>user\n", ""])
def test_tokens_spell_the_text(tokenizer: Tokenizer, text: str) -> None:
    """Encoding loses nothing: the bytes of the tokens are the bytes of the text."""
    byte_of = {char: byte for byte, char in ALPHABET.items()}
    spelled = b"".join(
        token.encode() if token in SPECIAL else bytes(byte_of[char] for char in token)
        for token in (tokenizer.tokens[i] for i in tokenizer.encode(text))
    )
    assert spelled == text.encode()


def test_the_models_are_those_of_the_provenance_file() -> None:
    """Names, sizes and hashes in PROVENANCE.md are those of the files beside it."""
    text = (MODELS / "PROVENANCE.md").read_text("utf-8")
    rows = re.findall(r"\| `([\w.-]+)` \|.*?\| ([\d,]+) \| `([0-9a-f]{64})` \|", text)
    facts = {name: (int(size.replace(",", "")), digest) for name, size, digest in rows}
    for file in MODELS.glob("*.gguf"):
        content = file.read_bytes()
        assert facts.pop(file.name) == (len(content), hashlib.sha256(content).hexdigest())
    assert not facts


@pytest.mark.slow
def test_training_is_reproducible(tmp_path: Path) -> None:
    """Two short trainings give the same file (torch and gguf are needed for this alone)."""
    pytest.importorskip("torch")
    pytest.importorskip("gguf")
    digests = set()
    for name in ("a.gguf", "b.gguf"):
        command = [sys.executable, "-m", "tests.tinylm.train", tmp_path / name, "--steps", "10"]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1
