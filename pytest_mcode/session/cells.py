"""What is to be run: tasks chosen from a data set, and the items made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_mcode.core.errors import ConfigError, InfraError
from pytest_mcode.core.protocols import Benchmark
from pytest_mcode.core.records import Dataset, Limits, Task, Variant
from pytest_mcode.session import phases
from pytest_mcode.session.registry import Registry
from pytest_mcode.session.settings import Settings, is_file_name


@dataclass(frozen=True)
class Cell:
    """One item: a task in one cell of the grid."""

    task: Task
    variant: Variant

    @property
    def id(self) -> str:
        """What stands between the brackets of a node id."""
        return f"{self.task.task_id}-{self.variant.label}"


def make_benchmark(registry: Registry, name: str) -> Benchmark:
    """The benchmark under a name, `name:argument` or dotted path, or of a JSON-lines file."""
    if is_file_name(name):
        from pytest_mcode.benchmarks.jsonl import JsonLines

        from_file: Benchmark = JsonLines(name)
        return from_file
    head, _, argument = name.partition(":")
    known = head in registry.names("benchmark")
    argument = argument if known else ""
    made: Benchmark = registry.make("benchmark", head if known else name, argument)
    return made


def list_failing(benchmark: Benchmark, inputs: int) -> None:
    """Have it list so many failing inputs, 0: all. Raises `ConfigError` where it cannot."""
    if hasattr(benchmark, "failing_inputs"):
        benchmark.failing_inputs = inputs
    elif inputs != 1:
        raise ConfigError(
            f"--mcode-failing-inputs: the tests of {benchmark.name} end at the first failure; "
            "only humaneval+ and mbpp+ list inputs"
        )


def limit_s(benchmark: Benchmark, task: Task, limits: Limits) -> float:
    """Seconds that a program of the task may take."""
    try:
        return benchmark.program(task, task.reference, limits).limits.wall_s
    except InfraError:  # of a stranger's `program`: its own item says so
        return limits.wall_s


def check_strategies(registry: Registry, settings: Settings) -> None:
    """Raise `ConfigError` for a strategy that is unknown or cannot do what is asked of it."""
    for variant in settings.variants(""):
        made = registry.factory("strategy", variant.strategy)
        style = settings.of(variant).sampling.prompt_style
        if variant.stops_early and variant.debug_iters:
            raise ConfigError(
                "--mcode-stop=first-pass with repairs would hide which draws pass by themselves: "
                "give --mcode-debug-iters=0"
            )
        if variant.stops_early and not getattr(made, "stops", False):
            raise ConfigError(
                f"--mcode-strategy={variant.strategy} needs all its draws: --mcode-stop=first-pass "
                "is for best_of_n and self_debug"
            )
        if variant.debug_iters and not getattr(made, "repairs", True):
            raise ConfigError(
                f"--mcode-strategy={variant.strategy} repairs nothing, and rates after repairs "
                "would be those of its draws: give --mcode-debug-iters=0"
            )
        if style == "completion" and getattr(made, "prose", False):
            raise ConfigError(
                f"--mcode-strategy={variant.strategy} asks in prose, which a model that only "
                "continues text does not follow: --mcode-prompt-style=chat"
            )
        if settings.phase:
            phases.check(variant, made)


def check_tasks(datasets: Sequence[Dataset], wanted: Sequence[str]) -> None:
    """Raise `ConfigError` for an id that no data set has: a typing error would lower the number of
    tasks without a word."""
    known = {name for d in datasets for t in d.tasks for name in (t.task_id.casefold(), _number(t))}
    unknown = [name for name in wanted if name.casefold() not in known]
    if unknown:
        names = " or ".join(dataset.benchmark for dataset in datasets)
        raise ConfigError(
            f"--mcode-tasks: no task of {names} is named {', '.join(unknown)}; "
            f"ids look like {datasets[0].tasks[0].task_id!r}"
        )


def selected(dataset: Dataset, settings: Settings) -> list[Task]:
    """The tasks that `--mcode-tasks` and `--mcode-limit` leave. Raises `ConfigError` for none."""
    tasks = list(dataset.tasks)
    if settings.tasks:
        wanted = {name.casefold() for name in settings.tasks}
        tasks = [task for task in tasks if {task.task_id.casefold(), _number(task)} & wanted]
        if not tasks:
            raise ConfigError(
                f"--mcode-tasks: {dataset.benchmark} has none of {', '.join(settings.tasks)}; "
                f"its ids look like {dataset.tasks[0].task_id!r}"
            )
    return tasks[: settings.limit] if settings.limit else tasks


def _number(task: Task) -> str:
    return task.task_id.rpartition("/")[2].casefold()
