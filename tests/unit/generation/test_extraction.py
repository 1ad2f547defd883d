"""Whatever a model answers, extraction finds the code that is there and never raises."""

import ast
import gzip
import json
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_mcode.core.records import Answer, Task
from pytest_mcode.generation import source
from pytest_mcode.generation.extraction import extract

DATA = Path(__file__).parents[3].parent / "shared" / "data"
STUB = 'def add(a, b):\n    """Sum of a and b.\n\n    >>> add(1, 2)\n    3\n    """\n'
PREAMBLE = "import math\n\n\n"
FUNCTION = Task(
    benchmark="demo",
    task_id="demo/0",
    prompt=PREAMBLE + STUB,
    shape="function",
    entry_point="add",
    tests="assert add(1, 2) == 3",
    reference=STUB + "    return a + b\n",
    preamble=PREAMBLE,
    stub=STUB,
    names=("add",),
)
TEXT = Task(
    benchmark="demo",
    task_id="demo/1",
    prompt="Write a function to add two numbers.",
    shape="text",
    entry_point="add",
    tests="assert add(1, 2) == 3",
    reference="def add(a, b):\n    return a + b\n",
    names=("add",),
)
GOOD = "def add(a, b):\n    return a + b\n"
BODY = STUB + "    return a + b\n"
SUMMED = STUB + "    total = a\n    return total + b\n"
HELPED = "def add(a, b):\n    return helper(a) + b\n"
HELPER = "def helper(x):\n    return x\n"

CHAT = {
    "python fence": ("```python\n" + GOOD + "```", GOOD),
    "py fence": ("```py\n" + GOOD + "```", GOOD),
    "Python3 fence in capitals": ("```Python3\n" + GOOD + "```", GOOD),
    "fence without label": ("```\n" + GOOD + "```", GOOD),
    "tilde fence": ("~~~\n" + GOOD + "~~~", GOOD),
    "tilde fence with label": ("~~~python\n" + GOOD + "~~~", GOOD),
    "fence of four": ("````python\n" + GOOD + "````", GOOD),
    "label in braces": ("```{.python}\n" + GOOD + "```", GOOD),
    "label with file name": ('```python title="add.py"\n' + GOOD + "```", GOOD),
    "unknown label that is Python": ("```solution.txt\n" + GOOD + "```", GOOD),
    "prose around": ("Sure! Here it is:\n\n```python\n" + GOOD + "```\nHope it helps!", GOOD),
    "prose before the fence on its line": ("Here: ```python\n" + GOOD + "```", GOOD),
    "end of fence behind code": ("```python\n" + GOOD.rstrip() + "```", GOOD),
    "one line": ("```python def add(a, b): return a + b```", "def add(a, b): return a + b\n"),
    "fence in a list": (
        "1. Like so:\n   ```python\n   def add(a, b):\n       return a + b\n   ```\n",
        GOOD,
    ),
    "last of two versions": (
        "```python\ndef add(a, b):\n    return a - b\n```\nBetter:\n```python\n" + GOOD + "```",
        GOOD,
    ),
    "usage after it": ("```python\n" + GOOD + "```\n```python\nprint(add(1, 2))\n```", GOOD),
    "signature repeated after it": (
        "```python\n" + GOOD + "```\nSignature:\n```python\ndef add(a, b):\n    ...\n```",
        GOOD,
    ),
    "broken later version": ("```python\n" + GOOD + "```\n```python\ndef add(a, b:\n```", GOOD),
    "helper in an earlier block": (
        "```python\n" + HELPER + "```\nand\n```python\n" + HELPED + "```",
        HELPER + "\n\n" + HELPED,
    ),
    "helper in a later block": (
        "```python\n" + HELPED + "```\nwhere\n```python\n" + HELPER + "```",
        HELPED + "\n\n" + HELPER,
    ),
    "import in an earlier block": (
        "```python\nimport re\n```\n```python\ndef add(a, b):\n    return re.sub(a, b)\n```",
        "import re\n\n\ndef add(a, b):\n    return re.sub(a, b)\n",
    ),
    "helper that the preamble has": (
        "```python\nmath = 1\n```\n```python\ndef add(a, b):\n    return math.fsum((a, b))\n```",
        "def add(a, b):\n    return math.fsum((a, b))\n",
    ),
    "import of itself in an example of its use": (
        "```python\n" + GOOD + "```\n```python\nfrom solution import add\nprint(add(1, 2))\n```",
        GOOD,
    ),
    "fences in the docstring": (
        '```python\ndef add(a, b):\n    """Sum.\n\n    ```python\n    add(1, 2)\n    ```\n    """\n'
        "    return a + b\n```",
        'def add(a, b):\n    """Sum.\n\n    ```python\n    add(1, 2)\n    ```\n    """\n'
        "    return a + b\n",
    ),
    "end of fence indented like the code": ("```python\n" + GOOD + "    ```\nDone.", GOOD),
    "all lines indented in a fence": (
        "```python\n    def add(a, b):\n        return a + b\n```",
        GOOD,
    ),
    "all lines indented": ("    def add(a, b):\n        return a + b\n", GOOD),
    "label on a line of its own": ("```\npython\n" + GOOD + "```", GOOD),
    "label without a fence": ("python\n" + GOOD, GOOD),
    "shell block beside it": ("```bash\npip install x\n```\n```python\n" + GOOD + "```", GOOD),
    "shell block alone": ("```bash\npip install x\n```", ""),
    "other language alone": ("```javascript\nfunction add(a, b) { return a + b }\n```", ""),
    "fence that never ends": ("```python\n" + GOOD, GOOD),
    "cut off in a later statement": ("```python\n" + GOOD + "\nprint(add(1,", GOOD),
    "cut off inside the function": (
        "```python\ndef add(a, b):\n    return (a +",
        "def add(a, b):\n    return (a +\n",
    ),
    "end of fence forgotten": (
        "```python\nimport math\n\nNow:\n```python\n" + GOOD + "```",
        GOOD,
    ),
    "thought": ("<think>\n```python\nx\n```\n</think>\n```python\n" + GOOD + "```", GOOD),
    "thought that the template opened": ("I add.\n</think>\n```python\n" + GOOD + "```", GOOD),
    "thought that never ends": ("<think>\nMaybe\n```python\n" + GOOD + "```", ""),
    "two thoughts": ("<think>a</think>\n<think>b</think>\n" + GOOD, GOOD),
    "other spelling of thought": ("<thinking>hm</thinking>\n" + GOOD, GOOD),
    "thought of Magistral": ("[THINK]```\nx = 1\n```[/THINK]" + GOOD, GOOD),
    "channels of gpt-oss": (
        "<|channel|>analysis<|message|>```python\nx\n```<|end|><|start|>assistant<|channel|>final"
        "<|message|>```python\n" + GOOD + "```<|return|>",
        GOOD,
    ),
    "analysis of gpt-oss that never ends": ("<|channel|>analysis<|message|>Hm.\n" + GOOD, ""),
    "tag mentioned in prose": ("The <think> tag is not used.\n```\n" + GOOD + "```", GOOD),
    "only code": (GOOD, GOOD),
    "lead-in without fence": ("Here is the function:\n\n" + GOOD, GOOD),
    "closing prose without fence": (GOOD + "\nThis adds the two numbers, doesn't it?", GOOD),
    "prose on both sides": ("Sure, here you go.\n\n" + GOOD + "\nIt's simple.\nReally.", GOOD),
    "import before, prose around": (
        "You need this:\nimport os\n\n" + GOOD + "\nThat is all.",
        "import os\n\n" + GOOD,
    ),
    "doctest prompts": (
        ">>> def add(a, b):\n...     return a + b\n...\n>>> add(1, 2)\n3\n",
        "def add(a, b):\n    return a + b\n\nadd(1, 2)\n",
    ),
    "doctest prompts in a fence": (
        "```pycon\n>>> def add(a, b):\n...     return a + b\n```",
        GOOD,
    ),
    "Windows line ends": (
        "```python\r\ndef add(a, b):\r\n    return a + b\r\n```\r\n",
        GOOD,
    ),
    "old Mac line ends": ("```python\rdef add(a, b):\r    return a + b\r```", GOOD),
    "tabs": ("```python\ndef add(a, b):\n\treturn a + b\n```", "def add(a, b):\n\treturn a + b\n"),
    "NUL byte": ("```python\n" + GOOD + "\0\n```", GOOD + "\0\n"),
    "JSON": (json.dumps({"code": GOOD}), GOOD),
    "JSON in a fence": ("```json\n" + json.dumps({"code": GOOD}) + "\n```", GOOD),
    "JSON before prose": (json.dumps({"code": GOOD}) + "\nHope it helps.", GOOD),
    "JSON with other keys": (json.dumps({"why": "sum", "solution": GOOD}), GOOD),
    "JSON that holds a fence": (json.dumps({"answer": "```python\n" + GOOD + "```"}), GOOD),
    "main guard": (
        "```python\n" + GOOD + '\nif __name__ == "__main__":\n    print(add(1, 2))\n```',
        GOOD + '\nif __name__ == "__main__":\n    print(add(1, 2))\n',
    ),
    "test calls after it": (
        "```python\n" + GOOD + "\nassert add(1, 2) == 3\n```",
        GOOD + "\nassert add(1, 2) == 3\n",
    ),
    "function with docstring": ("```python\n" + BODY + "```", BODY),
    "preamble repeated": ("```python\n" + PREAMBLE + BODY + "```", PREAMBLE + BODY),
    "invalid escape": (
        '```python\ndef add(a, b):\n    return "\\d"\n```',
        'def add(a, b):\n    return "\\d"\n',
    ),
    "async function": (
        "```\nasync def add(a, b):\n    return 1\n```",
        "async def add(a, b):\n    return 1\n",
    ),
    "bound by assignment": (
        "```python\nadd = lambda a, b: a + b\n```",
        "add = lambda a, b: a + b\n",
    ),
    "another name": (
        "```python\ndef plus(a, b):\n    return a + b\n```",
        "def plus(a, b):\n    return a + b\n",
    ),
    "method instead": (
        "```python\nclass Solution:\n    def add(self, a, b):\n        return a + b\n```",
        "class Solution:\n    def add(self, a, b):\n        return a + b\n",
    ),
    "nothing": ("", ""),
    "blanks": (" \n\t\n", ""),
    "one word": ("Sorry", ""),
    "refusal": ("I'm sorry, but I can't help with that.", ""),
    "empty fence": ("```python\n```", ""),
    "fence at the very end": ("I would write:\n```", ""),
}

BODIES = {
    "indented body": ("    return a + b", BODY),
    "body without indentation": ("return a + b", BODY),
    "body in a fence": ("```python\n    return a + b\n```", BODY),
    "body in a fence without indentation": ("```python\nreturn a + b\n```", BODY),
    "body indented by two": ("```\n  total = a\n  return total + b\n```", SUMMED),
    "body indented by tabs": ("```\n\ttotal = a\n\treturn total + b\n```", SUMMED),
    "body behind its own signature": (
        "```python\n" + STUB + "```\nwith the body\n```python\nreturn a + b\n```",
        BODY,
    ),
    "body whose first line lost its blanks": (
        "total = a\n    total += b\n    return total",
        STUB + "    total = a\n    total += b\n    return total\n",
    ),
    "body with a nested function": (
        "```python\ndef inner():\n    return a + b\nreturn inner()\n```",
        STUB + "    def inner():\n        return a + b\n    return inner()\n",
    ),
    "body after prose": ("Add them up:\n\n    return a + b\n", BODY),
    "body before prose": ("    return a + b\n\nThis adds the numbers.", BODY),
    "body without indentation before prose": ("return a + b\n\nThis adds the numbers.", BODY),
    "braces behind backslashes, which begin fields of an f-string": (
        '```python\nreturn f"\\{a}\\N{EM DASH}{b}\\\\{a}"\n```',
        STUB + '    return f"\\{a}\\N{EM DASH}{b}\\\\{a}"\n',
    ),
}


@pytest.mark.parametrize("name", CHAT)
@pytest.mark.parametrize("task", [FUNCTION, TEXT], ids=["function", "text"])
def test_chat_answers(name, task):
    """Every usual dress of a chat's answer is taken off, the code within stays as it was."""
    answer, expected = CHAT[name]
    if name == "helper that the preamble has" and task is TEXT:
        expected = "math = 1\n\n\n" + expected
    assert extract(Answer(answer), task) == expected


@pytest.mark.parametrize(
    ("first", "reason", "kept"),
    [
        (GOOD, "length", GOOD),
        (GOOD, "stop", "def add(a, b):\n    total = a\n"),
        ("def add(a, b):\n    ...\n", "length", "def add(a, b):\n    total = a\n"),
    ],
)
def test_a_version_cut_off_at_the_token_limit_does_not_replace_a_whole_one(first, reason, kept):
    """It may parse, and is no version; a model that stops without a last fence has finished."""
    text = "```python\n" + first + "```\nBetter:\n```python\ndef add(a, b):\n    total = a"
    assert extract(Answer(text, finish_reason=reason), FUNCTION) == kept


@pytest.mark.parametrize("name", BODIES)
def test_bare_bodies(name):
    """The inside of the function is completed with the task's stub."""
    answer, expected = BODIES[name]
    assert extract(Answer(answer), FUNCTION) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("    return a + b\n", BODY),
        (GOOD, GOOD),
        ("\n" + BODY, "\n" + BODY),
        ("    return a + b\n\ndef main(:\n", STUB + "    return a + b\n"),
        ("    return a + b\n\nclass A: pass\nopen('x')\n", BODY),
        ("    return a + b\n# Done.\nadd(1, 2)\n", STUB + "    return a + b"),
        (
            "    return a + other(b)\n\ndef other(x):\n    return x\n",
            STUB + "    return a + other(b)\n\ndef other(x):\n    return x\n",
        ),
        ("    c = a\n# and\n    return c + b\n", STUB + "    c = a\n# and\n    return c + b\n"),
        ("    return (", STUB + "    return ("),
        ("    return '\0'\n", STUB + "    return '\0'\n"),
        ("def add(a, b:\n", "def add(a, b:\n"),
        ("   \n", ""),
    ],
)
def test_continuations(text, expected):
    """A continuation follows the stub, a whole function replaces it, a broken tail is cut off."""
    assert extract(Answer(text, form="continuation"), FUNCTION) == expected


def test_continuation_without_stub_is_the_program():
    """Where the prompt was prose, a completion is the whole program, byte for byte."""
    text = "```python\n" + GOOD
    assert extract(Answer(text, form="continuation"), TEXT) == text


@pytest.mark.parametrize(
    ("code", "kept"),
    [
        ("import os\n\nassert add(1, 1) == 3\nprint(add(1, 2))\n", "import os\n\n\n\n"),
        ("LIMIT = 1\nLIMIT += 1\nTABLE[0] = 1\n",) * 2,
        ("if __name__ == '__main__':\n    main()\n", "\n\n"),
        ("try:\n    import gmpy\nexcept ImportError:\n    gmpy = 0\n",) * 2,
        ("for x in 1, 2:\n    assert x\n", "\n\n"),
        ("x = (\n0); assert x\n",) * 2,
        ("y = 1\rassert 0\n", "y = 1\n\n"),
    ],
)
def test_an_answer_to_evalplus_keeps_what_binds_names(code, kept):
    """As its sanitizer, which takes asserts and examples away; line numbers stay. Without that
    wording, and where the function is not there, nothing is taken."""
    function = "@cache\ndef add(a, b):\n    return a + b\n"
    answer = Answer(f"```python\n{function}{code}```")
    assert extract(answer, FUNCTION, "evalplus") == function + kept
    assert extract(answer, FUNCTION).replace("\r", "\n") == (function + code).replace("\r", "\n")
    assert "assert" in extract(Answer("```python\nassert 1\n```"), FUNCTION, "evalplus")


def test_program_is_kept_as_it_is():
    """A `program` is not touched, and blanks alone are no code."""
    text = "```\n" + GOOD + "\n\n\0"
    assert extract(Answer(text, form="program"), FUNCTION) == text
    assert extract(Answer(" \n", form="program"), FUNCTION) == ""


def test_second_name_of_the_tests_is_joined():
    """Tests may call more than the entry point: the block that defines it comes along."""
    task = Task(**{**vars(TEXT), "names": ("add", "Pair")})
    text = "```python\nclass Pair: ...\n```\n```python\n" + GOOD + "```"
    assert extract(Answer(text), task) == "class Pair: ...\n\n\n" + GOOD


MARKS = st.sampled_from(
    ["```", "```python\n", "~~~", "\n", "\r\n", "<think>", "</think>", "def add(a, b):", "add = ",
     "    return a", ">>> ", "... ", '"""', "'", "\\", "{", '{"code": "', '"}', "\0", "(", "\t"]
)  # fmt: skip
ANYTHING = st.lists(st.one_of(MARKS, st.text(max_size=8)), max_size=30).map("".join)


@given(ANYTHING, st.sampled_from(["text", "continuation", "program"]), st.booleans())
@example("```python\n" * 3, "text", True)
@example("```" + "`" * 50, "text", True)
def test_never_raises(text, form, function):
    """No text makes extraction raise, and no code is invented where there is only white space."""
    code = extract(Answer(text, form=form), FUNCTION if function else TEXT)
    assert isinstance(code, str)
    assert text.strip() or not code


NAMES = st.sampled_from(["a", "b", "total", "x1"])
LINES = st.lists(
    st.tuples(NAMES, st.sampled_from(["= a + b", "= 'it''s'", '= "```"', "= '>>> '", "= '<x>'"])),
    max_size=4,
)  # fmt: skip
PROSE = st.text(st.sampled_from("ab cd.,!\n"), max_size=40)


@given(LINES, PROSE, PROSE, st.sampled_from(["```python", "```", "````py", "~~~"]))
def test_fence_round_trip(lines, before, after, fence):
    """A program put into a fence, with prose around it, comes out unchanged."""
    code = "def add(a, b):\n" + "".join(f"    {n} {v}\n" for n, v in lines) + "    return a + b\n"
    end = fence.rstrip("pytohn")
    text = f"{before}\n{fence}\n{code}{end}\n{after}"
    assert extract(Answer(text), TEXT) == code


@pytest.mark.parametrize(
    "text",
    [
        "`" * 10_000_000,
        "```\n" * 2_500_000,
        "<think>" * 1_500_000,
        "<think></think>\n" * 600_000,
        "x = 1\n" * 1_600_000,
        "return\n" * 1_400_000,
        "def add(a, b):\n" * 600_000,
        " " * 10_000_000 + "x",
        "(" * 10_000_000,
        "{" * 5_000_000 + "}" * 5_000_000,
        "```python\n" + "a" * 10_000_000,
        ">>> x\n" * 1_600_000,
        "".join(f"```py\nx{i} = x{i + 1}\n```\n" for i in range(400_000)) + "```\nadd = x0\n```",
        ("word " * 20 + "\n\n") * 90_000,
    ],
    ids=lambda t: t[:12].strip(),
)
def test_ten_megabytes(text):
    """A runaway answer of ten megabytes takes seconds at the worst, not hours."""
    start = time.process_time()
    extract(Answer(text), FUNCTION)
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    "text",
    [
        "(" * 50_000,
        "-" * 50_000 + "1",
        "x = " + "+".join("1" * 25_000),
        "if 1:\n".join(" " * i for i in range(300)),
        "def add(a, b):\n" + "    x = (\n" * 5_000,
        "x = 1\n" * 9_000 + "def add(a, b:\n",
        ("import os\n" * 10 + "is it so?\n") * 500 + GOOD + "x y\n" * 5_000,
        "return x\n" * 7_000 + "?",
    ],
)
def test_unkind_source_is_bounded(text):
    """Deep nesting and text that nearly parses cost seconds at the worst."""
    start = time.process_time()
    for wrapped in (text, f"```python\n{text}\n```"):
        extract(Answer(wrapped), FUNCTION)
    assert time.process_time() - start < 8


def _rows(name):
    path = DATA / "completions" / name
    if not path.exists():
        pytest.skip(f"no {path}")
    return gzip.open(path, "rt")


def _real_solutions():
    for bench in ("humaneval", "mbpp"):
        name = f"evalplus_llama-3-8b-instruct/{bench}__meta-llama--Meta-Llama-3-8B-Instruct.json.gz"
        with _rows(name) as file:
            for samples in json.load(file)["eval"].values():
                yield from (sample["solution"] for sample in samples)
        with _rows(f"ldb_gpt-3.5/{bench}_seed_gpt-3.5-turbo-0613.jsonl.gz") as file:
            yield from (json.loads(line)["solution"] for line in file)


WRAPPERS = [
    "Here is the solution:\n\n```python\n{}\n```\n\nIt runs in O(n).",
    "```\n{}\n```",
    "<think>\nLet me see: def add?\n</think>\n\n~~~py\n{}\n~~~",
    "Let's do it.\n\n```python\n{}\n```\n\nRun it with:\n\n```bash\npython x.py\n```",
]


def test_real_solutions_round_trip():
    """1206 programs of two real models come out of four chat letters as they went in."""
    seen = 0
    for number, code in enumerate(_real_solutions()):
        tree = source.parse(code)
        names = [n.name for n in tree.body if isinstance(n, ast.FunctionDef)] if tree else []
        if not names:
            continue
        seen += 1
        task = Task(**{**vars(TEXT), "entry_point": names[-1], "names": (names[-1],)})
        text = WRAPPERS[number % len(WRAPPERS)].format(code)
        assert extract(Answer(text), task) == code.strip("\n") + "\n"
    assert seen > 1150


def test_real_completions_with_fences_stay_untouched():
    """Upstream judged 16 completions of Qwen with the fence in them: replay improves none."""
    with _rows("qwen3-0.6b_mbpp_n10/qwen3-0.6b-nonthinking.jsonl.gz") as file:
        texts = [t for line in file if "```" in (t := json.loads(line)["completion"])]
    assert len(texts) == 16
    assert all(extract(Answer(t, form="continuation"), TEXT) == t for t in texts)
