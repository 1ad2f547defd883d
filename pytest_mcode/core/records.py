"""Frozen records that cross rooms. Plain values only, so that each can be written as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Json = Any
"""A value that `json.dumps` writes unchanged: dict, list, str, int, float, bool or None."""

Status = Literal[
    "passed", "failed", "error", "timeout", "memory", "output_limit", "no_code", "forged"
]

Mode = Literal["split", "stdin", "in_process"]
"""How tests meet a program: calling it from another process; as JSON `{"inputs": [...], "outputs":
[...]}` for what it reads and writes; or as unittest classes beside it (`in_process`)."""


@dataclass(frozen=True)
class Message:
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


Messages = tuple[Message, ...]


@dataclass(frozen=True)
class Task:
    """One problem of a benchmark."""

    benchmark: str
    """Name of the benchmark it belongs to, as given on the command line (`humaneval`)."""
    task_id: str
    """The data set's own id (`HumanEval/0`), unique within the benchmark."""
    prompt: str
    """What the model is asked: source to complete (`shape="function"`) or prose."""
    shape: Literal["function", "text", "program"]
    entry_point: str
    """Name of the function that the tests call."""
    tests: str
    """Trusted test code: runs in the judge, where `entry_point` is bound to the candidate."""
    reference: str
    """A correct whole program, without the preamble."""
    preamble: str = ""
    """Trusted code that always stands before the candidate (HumanEval: imports and helpers)."""
    stub: str = ""
    """Signature and docstring that a continuation completes; `preamble + stub == prompt`."""
    public_tests: tuple[str, ...] = ()
    public_setup: str = ""
    """Asserts that the prompt may show, and trusted code that they need before them."""
    names: tuple[str, ...] = ()
    """All names that the tests take from the candidate; holds `entry_point`."""
    checks: int = 1
    """Assertions, test methods or cases in `tests` that must hold for a pass; at least 1."""
    mode: Mode = "split"


@dataclass(frozen=True)
class Dataset:
    """A benchmark's tasks, the hash of the bytes loaded, and their path or hub revision."""

    benchmark: str
    tasks: tuple[Task, ...]
    sha256: str
    origin: str


@dataclass(frozen=True)
class Limits:
    """What one program may use. Three times `wall_s` pass before one that only waits is stopped."""

    wall_s: float = 10.0
    memory_mb: int = 512
    output_kb: int = 64


@dataclass(frozen=True)
class Program:
    """What a sandbox runs: the candidate's source and the tests that judge it."""

    candidate: str
    tests: str
    names: tuple[str, ...]
    context: str = ""
    """Trusted code run in the judge before the tests (the task's preamble)."""
    checks: int = 1
    limits: Limits = Limits()
    mode: Mode = "split"


@dataclass(frozen=True)
class Verdict:
    """What verification says of one program; `detail` is one line, all texts are bounded."""

    status: Status
    detail: str = ""
    feedback: str = ""
    """What a model is shown for a repair: the end of the real error."""
    stdout: str = ""
    checks_run: int = 0
    groups: Mapping[str, bool] = field(default_factory=dict)
    """Which groups of tests held, where a task has several (`base`, `plus`) and came to them."""
    mode: Literal["split", "in_process", "none"] = "split"
    """Who held the tests: another process, the candidate's own, or nobody (`no_code`)."""
    wall_s: float = 0.0
    memory_mb: float = 0.0
    flaky: str = ""
    """Not empty: its runs differ (`passed 2 of 3, else failed`), and so it is no pass."""
    program: str = ""
    """Digest of all that was verified, and where; `cached`: it had been verified before."""
    cached: bool = False

    @property
    def passed(self) -> bool:
        """True for `passed` alone."""
        return self.status == "passed"


@dataclass(frozen=True)
class Sampling:
    """How a model is asked. Every field is explicit, on the wire and in the fingerprint."""

    temperature: float = 0.8
    top_p: float = 0.95
    max_tokens: int = 1024
    seed: int = 0  # of the run; a request's own is derived from it (`core.fingerprint.seed_for`)
    stop: tuple[str, ...] = ()
    context_window: int = 8192
    """Tokens; sent as num_ctx to Ollama, whose small default truncates silently."""
    thinking: str = ""
    """Empty: the server's default; else `true`, `false`, `low`, `medium` or `high`."""
    prompt_style: Literal["chat", "completion"] = "chat"
    wording: Literal["", "evalplus"] = ""  # whose prompt and stop sequences; empty: our own
    extra: str = "{}"  # JSON object of provider options passed through unchanged


@dataclass(frozen=True)
class ModelSpec:
    """A model under its name in ids and reports, resolved to who serves it."""

    name: str
    backend: str
    """Registered generator: `ollama`, `openai`, `gold`, `garbage`, `replay`, ..."""
    model: str = ""
    """What the server knows it by, or the generator's own argument (a file for `replay`)."""
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    """Never stored, never part of the fingerprint."""
    sampling: Sampling = Sampling()
    concurrency: int = 0
    """Requests in flight; 0 takes the backend's default."""
    request_timeout_s: float = 600.0
    """Deadline of one request, counted from when it left our queue."""
    retries: int = 4
    """Further tries after a connection error, 429 or 5xx."""
    patience_s: float = 60.0
    """Seconds to wait for a server that is away."""


@dataclass(frozen=True)
class SandboxSpec:
    """Which sandbox; empty or 0: the project's own image, the daemon's runtime, a slot per core."""

    image: str = ""
    slots: int = 0
    memory_mb: int = 512
    runtime: str = ""
    host_factor: int = 0
    """Time limits are this many times as long on a slow host; 0 measures it."""
    label: str = ""
    """Id of the run: containers carry it, so that a sweep finds exactly its own."""


@dataclass(frozen=True)
class Variant:
    """One cell of the grid."""

    benchmark: str
    model: str
    samples: int = 1
    debug_iters: int = 0
    strategy: str = "self_debug"
    feedback: Literal["hidden", "public", "none"] = "hidden"
    """Which tests' errors a repair is shown; named in every report."""
    options: str = ""
    """Settings that are this cell's own and not the run's: `temperature=0.2,top_p=0.9`, sorted."""

    @property
    def stops_early(self) -> bool:
        """Whether a task's draws end at the first that passes: shares of them are biased then."""
        return "stop=first-pass" in self.options.split(",")

    @property
    def label(self) -> str:
        """The cell as it stands in item ids: `qwen2.5-coder-7b-n5-d3`."""
        tail = "" if self.strategy == "self_debug" else f"-{self.strategy}"
        tail += "" if self.feedback == "hidden" else f"-{self.feedback}"
        tail += f"-{self.options}" if self.options else ""
        return f"{self.model}-n{self.samples}-d{self.debug_iters}{tail}"


@dataclass(frozen=True)
class Request:
    """One question to a generator; `sampling` holds the seed of this very request."""

    task: Task
    messages: Messages
    sample: int
    iteration: int
    sampling: Sampling
    role: str = ""
    """Who is asked, for a request that is no attempt (`planner`); `iteration` counts these."""
    format: Mapping[str, Json] | None = None
    """JSON schema that the answer must follow, as far as the server can see to it."""


@dataclass(frozen=True)
class Answer:
    """What a generator returned, with exactly the messages that it was sent."""

    text: str
    form: Literal["text", "program", "continuation"] = "text"
    """`text` needs extraction; `program` and `continuation` are code already."""
    thinking: str = ""
    messages: Messages = ()
    options: Mapping[str, Json] = field(default_factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    thinking_tokens: int | None = None  # among those of the completion; None: not told
    finish_reason: str = ""
    queue_s: float = 0.0
    request_s: float = 0.0
    calls: int = 1  # that reached for the server, retries included; 0 for recorded answers
    draw: str = ""
    """Digest of all that decides the draw, if it is kept; `reused`: taken from the database."""
    reused: bool = False


@dataclass(frozen=True)
class Attempt:
    """Repair iteration j of sample i; j = 0 is the draw itself. `code` is empty if none came."""

    sample: int
    iteration: int
    answer: Answer
    code: str
    verdict: Verdict
    notes: Mapping[str, Json] = field(default_factory=dict)
    """What the strategy noted, and `chosen: true` if it hands in this one: then no other counts
    for `solved`; `public`: verdict of the tests that the prompt shows."""


@dataclass(frozen=True)
class Call:
    """A request of a strategy that is no attempt: to a planner, a judge."""

    sample: int
    role: str
    number: int
    """Of the calls of this role for this sample, from 0."""
    answer: Answer


@dataclass(frozen=True)
class Outcome:
    """All that happened to one item (task x variant)."""

    variant: Variant
    task_id: str
    attempts: tuple[Attempt, ...] = ()
    infra: str = ""
    """Not empty: the machinery failed and the item says nothing about the model."""
    wall_s: float = 0.0
    calls: tuple[Call, ...] = ()

    @property
    def handed_in(self) -> tuple[Attempt, ...]:
        """The attempts that count: the chosen one, or all; of a repair that was driven by other
        than the judging tests only each sample's last, because nobody knew which one passes."""
        if chosen := tuple(a for a in self.attempts if a.notes.get("chosen")):
            return chosen
        if self.variant.feedback != "public":
            return self.attempts
        return tuple({a.sample: a for a in self.attempts}.values())

    @property
    def solved(self) -> bool:
        """True if an attempt that counts passed and nothing of the machinery failed."""
        return not self.infra and any(a.verdict.passed for a in self.handed_in)

    def to_json(self) -> dict[str, Json]:
        """Plain values, ready for `json.dumps` and for the wire between xdist processes; `counts`
        are the places in `attempts` of those that are `handed_in`."""
        kept = {id(a) for a in self.handed_in}
        return asdict(self) | {"counts": [i for i, a in enumerate(self.attempts) if id(a) in kept]}
