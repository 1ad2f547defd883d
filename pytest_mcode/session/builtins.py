"""What ships: registered through the same pytest hooks as strangers' components.

Values are `module:attribute`, imported when first used, so that naming a component costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping


def pytest_mcode_benchmarks() -> Mapping[str, str]:
    """Benchmarks that ship."""
    room = "pytest_mcode.benchmarks"
    return {
        "humaneval": f"{room}.humaneval:HumanEval",
        "humaneval+": f"{room}.evalplus:HumanEvalPlus",
        "mbpp": f"{room}.mbpp:Mbpp",
        "mbpp+": f"{room}.evalplus:MbppPlus",
        "tiny": f"{room}.tiny:Tiny",
    }


def pytest_mcode_strategies() -> Mapping[str, str]:
    """Strategies that ship."""
    room = "pytest_mcode.strategies"
    return {
        "best_of_n": f"{room}.best_of_n:BestOfN",
        "judge": f"{room}.judge:Judge",
        "majority": f"{room}.majority:Majority",
        "mellea": f"{room}.mellea:Mellea",
        "plan": f"{room}.plan:Plan",
        "self_debug": f"{room}.self_debug:SelfDebug",
        "structured": f"{room}.structured:Structured",
    }


def pytest_mcode_generators() -> Mapping[str, str]:
    """Generators that ship; the Mellea backends share one class."""
    room = "pytest_mcode.generation"
    mellea = f"{room}.mellea:Mellea"
    return {
        "ollama": mellea,
        "openai": mellea,
        "hf": mellea,
        "litellm": mellea,
        "watsonx": mellea,
        "gold": f"{room}.gold:Gold",
        "garbage": f"{room}.garbage:Garbage",
        "replay": f"{room}.replay:Replay",
    }


def pytest_mcode_sandboxes() -> Mapping[str, str]:
    """Sandboxes that ship."""
    room = "pytest_mcode.sandboxes"
    return {"docker": f"{room}.docker:Docker", "bubblewrap": f"{room}.bubblewrap:Bubblewrap"}


def pytest_mcode_servers() -> Mapping[str, str]:
    """Model servers that a run starts by itself."""
    room = "pytest_mcode.servers"
    return {
        "tiny": f"{room}.llama_cpp:Tiny",
        "llama_cpp": f"{room}.llama_cpp:LlamaCpp",
        "ollama": f"{room}.ollama:Ollama",
        "vllm": f"{room}.vllm:Vllm",
        "mlx": f"{room}.mlx:Mlx",
        "command": f"{room}.command:Command",
        "compose": f"{room}.command:Compose",
    }
