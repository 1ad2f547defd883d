"""What every generator keeps to, and Mellea against real servers: wire, faults, silence."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from dataclasses import replace
from email.utils import formatdate

import pytest
from llm_servers import Fault, Ollama, Server

from pytest_mcode.core.errors import ConfigError, InfraError
from pytest_mcode.core.fingerprint import seed_for
from pytest_mcode.core.records import Message, ModelSpec, Request, Sampling, Task
from pytest_mcode.generation import prompts
from pytest_mcode.generation.extraction import extract
from pytest_mcode.generation.garbage import Garbage
from pytest_mcode.generation.gold import Gold
from pytest_mcode.generation.mellea import Mellea
from pytest_mcode.generation.replay import Replay

STUB = 'def add(a, b):\n    """Sum.\n    """\n'
TASK = Task(
    benchmark="demo",
    task_id="demo/1",
    prompt=STUB,
    shape="function",
    entry_point="add",
    tests="assert add(1, 2) == 3",
    reference=STUB + "    return a + b\n",
    stub=STUB,
    names=("add",),
)
TEXT_TASK = replace(TASK, shape="text", prompt="Add two numbers.", stub="")
SAMPLING = Sampling(
    temperature=0.7,
    top_p=0.9,
    max_tokens=77,
    seed=5,
    stop=("\n\n\n", "END"),
    context_window=4096,
    thinking="true",
    extra='{"top_k": 20, "min_p": 0.05}',
)
TURNS = (Message("user", "a <b>&amp;{{x}}\t\n"), Message("assistant", "no"), Message("user", "y\n"))


def spec(server, **more):
    given = {"name": "m", "backend": server.kind, "model": "m", "base_url": server.url}
    if server.kind == "ollama":
        server.models = [f"{m}:latest" if ":" not in m else m for m in server.models]
    return ModelSpec(**{"sampling": SAMPLING} | given | more)


def request(sample=0, iteration=0, messages=TURNS, sampling=SAMPLING, task=TASK):
    seed = seed_for(sampling.seed, task.task_id, sample, iteration)
    return Request(task, messages, sample, iteration, replace(sampling, seed=seed))


def run(made, *requests, preflight=True):
    """The answers of a generator to concurrent requests, on one loop, closed afterwards."""

    async def story():
        try:
            if preflight:
                await made.preflight()
            return await asyncio.gather(*(made.generate(r) for r in requests))
        finally:
            await made.aclose()

    return asyncio.run(story())


@pytest.fixture(params=["gold", "garbage", "replay", "openai", "ollama"])
def generator(request, tmp_path):
    """Each generator, ready to answer."""
    file = tmp_path / "recorded.jsonl"
    rows = [{"task_id": "demo/1", "answer": "```\nx = 1\n```"}] * 3
    file.write_text("".join(json.dumps(r) + "\n" for r in rows))
    if request.param in ("openai", "ollama"):
        with (Server if request.param == "openai" else Ollama)() as server:
            yield Mellea(spec(server))
    else:
        kind = {"gold": Gold, "garbage": Garbage, "replay": Replay}[request.param]
        yield kind(ModelSpec("g", request.param, str(file)))


def test_every_generator_answers(generator):
    """An answer has text, the messages that were asked, a finish reason and a count of calls."""
    answers = run(generator, request(), request(1), request(2))
    for answer in answers:
        assert answer.text
        assert answer.messages == TURNS
        assert answer.finish_reason == "stop"
        assert answer.calls in (0, 1)
        assert isinstance(extract(answer, TASK), str)
    assert generator.concurrency >= 1


def test_every_description_is_json(generator):
    """What identifies a generator is plain JSON and holds neither key nor URL."""
    text = json.dumps(dict(generator.describe()))
    assert generator.__class__.__name__.lower() in text or "backend" in text
    assert "127.0.0.1" not in text
    assert "api_key" not in text


def test_closing_twice_is_fine(generator):
    """A generator may be closed before use and again."""

    async def story():
        await generator.aclose()
        await generator.preflight()
        await generator.generate(request())
        await generator.aclose()
        await generator.aclose()

    asyncio.run(story())


def test_openai_wire():
    """Every option, the key, and the messages byte for byte arrive at an OpenAI-like server."""
    with Server() as server:
        (answer,) = run(Mellea(spec(server, api_key="k1")), request())
    (call,) = server.calls
    assert call.headers["authorization"] == "Bearer k1"
    body = call.body
    assert body["messages"] == [{"role": m.role, "content": m.content} for m in TURNS]
    assert body["model"] == "m"
    wanted = {"temperature": 0.7, "top_p": 0.9, "stop": ["\n\n\n", "END"], "top_k": 20}
    wanted |= {"min_p": 0.05, "seed": request().sampling.seed}
    wanted |= {"max_completion_tokens": 77, "max_tokens": 77, "reasoning_effort": "medium"}
    wanted |= {"chat_template_kwargs": {"enable_thinking": True}}
    assert {k: body.get(k) for k in wanted} == wanted
    assert "n" not in body
    assert (answer.text, answer.thinking, answer.form) == ("hello", "hmm", "text")
    assert (answer.prompt_tokens, answer.completion_tokens, answer.calls) == (7, 5, 1)
    assert answer.messages == TURNS
    assert answer.options["max_tokens"] == 77
    assert answer.request_s > 0


def test_ollama_wire():
    """Every option arrives at Ollama, the context window and thinking among them."""
    with Ollama() as server:
        (answer,) = run(Mellea(spec(server)), request())
    (call,) = server.calls
    assert call.path == "/api/chat"
    sent = [{"role": m["role"], "content": m["content"]} for m in call.body["messages"]]
    assert sent == [{"role": m.role, "content": m.content} for m in TURNS]
    wanted = {"temperature": 0.7, "top_p": 0.9, "num_predict": 77, "num_ctx": 4096, "top_k": 20}
    wanted |= {"min_p": 0.05, "stop": ["\n\n\n", "END"], "seed": request().sampling.seed}
    assert call.body["options"] == wanted
    assert call.body["think"] is True
    assert call.body["model"] == "m:latest"
    assert (answer.text, answer.thinking, answer.finish_reason) == ("hello", "hmm", "stop")
    assert (answer.prompt_tokens, answer.completion_tokens) == (7, 5)


@pytest.mark.parametrize(
    ("kind", "usage", "told"),
    [
        (Server, {"completion_tokens_details": {"reasoning_tokens": 3}}, 3),
        (Server, {"completion_tokens_details": {"reasoning_tokens": 0}}, None),
        (Server, {"completion_tokens_details": {"reasoning_tokens": None}}, None),
        (Server, {"completion_tokens_details": None, "reasoning_tokens": 4}, 4),
        (Server, {}, None),
        (Ollama, {}, None),
    ],
)
def test_tokens_of_thinking_are_those_that_the_server_tells(kind, usage, told):
    """As OpenAI or SGLang tell them; 0 beside a text of thinking is no count, silence is none."""
    with kind() as server:
        server.usage = usage
        (answer,) = run(Mellea(spec(server)), request())
    assert (answer.thinking, answer.thinking_tokens) == ("hmm", told)


@pytest.mark.parametrize("kind", [Server, Ollama])
@pytest.mark.parametrize("level", ["", "false", "low"])
def test_thinking_on_the_wire(kind, level):
    """No word about thinking unless asked; `false` and a level are passed on."""
    sampling = replace(SAMPLING, thinking=level)
    with kind() as server:
        run(Mellea(spec(server, sampling=sampling)), request(sampling=sampling))
    body = server.calls[0].body
    said = body.get("think") if kind is Ollama else body.get("reasoning_effort")
    assert said == {"": None, "false": False if kind is Ollama else "none", "low": "low"}[level]


@pytest.mark.parametrize("kind", [Server, Ollama])
def test_completion_style_is_raw(kind):
    """A base model gets the bare prompt without a chat template, and the classic stop sequences."""
    sampling = replace(SAMPLING, prompt_style="completion", stop=(), thinking="")
    asked = request(messages=prompts.opening(TASK, "completion"), sampling=sampling)
    with kind(text="    return a + b\n") as server:
        (answer,) = run(Mellea(spec(server, sampling=sampling)), asked)
    (call,) = server.calls
    if kind is Server:
        assert call.path == "/v1/completions"
        assert call.body["prompt"] == [STUB]
        options = call.body
        assert options["max_tokens"] == 77
        assert answer.finish_reason == "length"
    else:
        assert call.path == "/api/generate"
        assert (call.body["prompt"], call.body["raw"]) == (STUB, True)
        options = call.body["options"]
        assert (options["num_predict"], options["num_ctx"]) == (77, 4096)
    assert options["stop"] == list(prompts.STOP_SEQUENCES)
    assert (options["temperature"], options["top_p"], options["top_k"]) == (0.7, 0.9, 20)
    assert options["seed"] == asked.sampling.seed
    assert (answer.prompt_tokens, answer.completion_tokens) == (7, 5)
    assert answer.messages == (Message("user", STUB),)
    assert answer.form == "continuation"
    assert extract(answer, TASK) == TASK.reference


def test_samples_get_their_own_seeds():
    """Twelve samples are twelve requests with twelve seeds, the same in every run."""
    seeds = []
    for _ in range(2):
        with Server() as server:
            run(Mellea(spec(server)), *(request(i) for i in range(12)))
        seeds.append(sorted(call.body["seed"] for call in server.calls))
    assert len(set(seeds[0])) == 12
    assert seeds[0] == seeds[1]


def test_concurrency_is_bounded():
    """Never more requests are in flight than the slots; the time in our queue is told apart."""
    with Server(latency=0.05) as server:
        answers = run(Mellea(spec(server, concurrency=3)), *(request(i) for i in range(12)))
    assert server.most_active <= 3
    assert max(a.queue_s for a in answers) > 0.1
    assert min(a.request_s for a in answers) > 0.04


def test_the_deadline_counts_from_when_a_request_goes_out():
    """Each waits for its turn as long as an answer takes, and twice that is past the deadline."""
    with Server(latency=0.6) as server:
        made = Mellea(spec(server, concurrency=1, request_timeout_s=1.1))
        answers = run(made, *(request(i) for i in range(3)))
    assert [a.calls for a in answers] == [1, 1, 1]


def test_connections_are_used_again():
    """Twelve requests, three at once, need three connections; one that was cut is made anew."""
    with Server(latency=0.02, faults=[Fault(cut=True)]) as server:
        answers = run(Mellea(spec(server, concurrency=3)), *(request(i) for i in range(12)))
    assert [a.text for a in answers] == ["hello"] * 12
    assert len({call.port for call in server.calls}) <= 4


@pytest.mark.parametrize("kind", [Server, Ollama])
def test_a_demanded_format_is_on_the_wire_and_in_the_record(kind):
    """A request with a JSON schema sends it as the server takes it; the next one sends none."""
    schema = {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}
    with kind() as server:
        answers = run(Mellea(spec(server)), replace(request(), format=schema), request(1))
        bodies = [call.body for call in server.calls]
        if kind is Server:
            sent = [body.get("response_format") for body in bodies]
            (found,) = [one["json_schema"]["schema"] for one in sent if one]
        else:
            (found,) = [body["format"] for body in bodies if body.get("format")]
    assert found == schema
    assert [answer.options.get("format") for answer in answers] == [schema, None]


def test_a_generator_that_was_started_ahead_asks_for_its_model_once():
    """What the first request needs may be begun earlier, by several; then it is only sent."""

    async def story(made):
        try:
            await asyncio.gather(made.start(), made.start())
            before = len(server.asked)
            await made.generate(request())
            return before
        finally:
            await made.aclose()

    with Server() as server:
        before = asyncio.run(story(Mellea(spec(server))))
        assert [asked.path for asked in server.asked].count("/v1/models") == 1
        assert len(server.asked) == before + 1


def test_default_concurrency(monkeypatch):
    """Ollama's own number of slots is taken where it is set, else 4; OpenAI-like servers get 64."""
    monkeypatch.delenv("OLLAMA_NUM_PARALLEL", raising=False)
    assert Mellea(ModelSpec("m", "ollama", "m")).concurrency == 4
    monkeypatch.setenv("OLLAMA_NUM_PARALLEL", "9")
    assert Mellea(ModelSpec("m", "ollama", "m")).concurrency == 9
    assert Mellea(ModelSpec("m", "openai", "m")).concurrency == 64
    assert Mellea(ModelSpec("m", "hf", "m")).concurrency == 1


FAULTS = {
    "server error": Fault(status=500),
    "overloaded": Fault(status=503),
    "too many requests": Fault(status=429),
    "cut connection": Fault(cut=True),
}


@pytest.mark.parametrize("kind", [Server, Ollama])
@pytest.mark.parametrize("name", FAULTS)
def test_passing_faults_are_retried_and_counted(kind, name):
    """After two passing faults the third call answers; three calls are counted, none hidden."""
    with kind(faults=[FAULTS[name]] * 2) as server:
        (answer,) = run(Mellea(spec(server)), request())
    assert answer.calls == len(server.calls) == 3
    assert answer.text == "hello"


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'{"choices": []}', b'{"error": "busy"}'])
def test_nonsense_with_status_200_is_retried(body):
    """A proxy's page or an empty object instead of a completion is the server's fault."""
    with Server(faults=[Fault(raw=body)]) as server:
        (answer,) = run(Mellea(spec(server)), request())
    assert (answer.text, answer.calls) == ("hello", 2)


def test_an_error_with_status_200_is_told_in_the_servers_words():
    """As OpenRouter sends it; its code says what becomes of the request."""
    error = {"error": {"code": 401, "message": "no key"}}
    with Server(faults=[Fault(raw=json.dumps(error).encode())]) as server:
        with pytest.raises(InfraError, match="HTTP 401: no key; set the API key"):
            run(Mellea(spec(server)), request())
        assert len(server.calls) == 1


@pytest.mark.parametrize("reason", ["error", "abort"])
def test_an_answer_that_the_machinery_broke_off_is_no_answer(reason):
    """Else an empty text would be the model's failure."""
    choice = {"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": reason}
    broken = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
    with Server(faults=[Fault(raw=json.dumps(broken | {"choices": [choice]}).encode())]) as server:
        (answer,) = run(Mellea(spec(server)), request())
    assert (answer.text, answer.calls) == ("hello", 2)


def test_a_content_in_parts_is_their_text_and_no_count_is_none():
    """As Mistral's models that reason are answered for; -1 tokens are not told."""
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    parts = [thought, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    with Server(text=parts) as server:
        server.usage = {"prompt_tokens": -1, "completion_tokens": -1, "total_tokens": -1}
        (answer,) = run(Mellea(spec(server)), request())
    assert (answer.text, answer.prompt_tokens, answer.completion_tokens) == ("ab", 0, 0)


@pytest.mark.parametrize("kind", [Server, Ollama])
def test_a_busy_server_may_tell_its_models_late(kind, monkeypatch):
    """Before a run that is a reason to say so soon; within it, no more than a late answer is."""
    monkeypatch.setattr("pytest_mcode.generation.preflight.TIMEOUT_S", 0.2)

    class Late(kind):
        def get(self, path):
            time.sleep(0.6)
            return super().get(path)

    with Late() as server:
        with pytest.raises(InfraError, match="start it"):
            asyncio.run(Mellea(spec(server)).preflight())
        assert run(Mellea(spec(server)), request(), preflight=False)[0].text == "hello"


def test_nonsense_to_the_end_is_not_taken_for_a_server_that_is_down():
    """It answered: its log knows why."""
    with Server(faults=[Fault(raw=b"<html>")] * 9) as server, pytest.raises(InfraError) as caught:
        run(Mellea(spec(server, retries=1)), request())
    assert str(caught.value).endswith("; look at the server's log")
    assert "failed after 2 calls: the answer is no completion" in str(caught.value)


@pytest.mark.parametrize("kind", [Server, Ollama])
@pytest.mark.parametrize("style", ["chat", "completion"])
def test_retry_after_is_honoured(kind, style):
    """The pause that a server orders with 429 is kept; without an order it is 0.5 s at most."""
    sampling = replace(SAMPLING, prompt_style=style)
    with kind(faults=[Fault(status=429, headers={"Retry-After": "0.7"})]) as server:
        run(Mellea(spec(server, sampling=sampling)), request(sampling=sampling))
    first, second = server.calls
    assert 0.65 < second.at - first.at < 5


@pytest.mark.parametrize(("ahead_s", "least_s"), [(3, 1.5), (-60, 0)])
def test_retry_after_may_be_a_date(ahead_s, least_s):
    """The other form of the header; a date that has passed orders nothing."""
    date = formatdate(time.time() + ahead_s, usegmt=True)
    with Server(faults=[Fault(status=503, headers={"Retry-After": date})]) as server:
        run(Mellea(spec(server)), request())
    first, second = server.calls
    assert second.at - first.at >= least_s


@pytest.mark.parametrize("kind", [Server, Ollama])
def test_exhausted_retries_are_infra(kind):
    """When the retries are spent, one line says what, where, how often and what to do."""
    faults = [Fault(status=500, text="out of\nmemory")] * 2
    with kind(faults=faults) as server, pytest.raises(InfraError) as caught:
        run(Mellea(spec(server, retries=1)), request())
    text = str(caught.value)
    assert len(server.calls) == 2
    assert "\n" not in text
    assert all(part in text for part in ("model m", server.url, "2 calls", "HTTP 500", "log"))


@pytest.mark.parametrize("kind", [Server, Ollama])
def test_hang_ends_at_our_deadline(kind):
    """A request that hangs is dropped at the deadline, on the server too, and tried again."""
    with kind(faults=[Fault(hang=True)]) as server:
        made = Mellea(spec(server, request_timeout_s=0.4))
        (answer,) = run(made, request())
        assert server.wait_idle()
    assert answer.calls == 2
    assert answer.request_s < 0.4


def test_hang_for_good_is_infra():
    """Only deadlines: the error says so."""
    with Server(faults=[Fault(hang=True)] * 2) as server:
        with pytest.raises(InfraError, match="no answer within the deadline"):
            run(Mellea(spec(server, request_timeout_s=0.2, retries=1)), request())
        assert server.wait_idle()


@pytest.mark.parametrize("kind", [Server, Ollama])
@pytest.mark.parametrize(
    "text",
    [
        "This model's maximum context length is 2048 tokens. However, you requested 4000 tokens",
        "request (5000 tokens) exceeds the available context size (2048 tokens)",
    ],
)
def test_context_overflow_is_an_empty_answer(kind, text):
    """A prompt that does not fit is the attempt's fate, not a failure of the machinery."""
    with kind(faults=[Fault(status=400, text=text)]) as server:
        (answer,) = run(Mellea(spec(server)), request())
    assert (answer.text, answer.finish_reason, answer.calls) == ("", "context_overflow", 1)
    assert answer.messages == TURNS
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("status", "cure"),
    [(400, "log"), (401, "OPENAI_API_KEY"), (404, "model's name"), (403, "key")],
)
def test_refusal_is_not_retried(status, cure):
    """A refused request is asked once; the message names the cure."""
    faults = [Fault(status=status)] * 3
    with Server(faults=faults) as server, pytest.raises(InfraError, match=cure):
        run(Mellea(spec(server)), request())
    assert len(server.calls) == 1


@pytest.mark.parametrize("kind", [Server, Ollama])
@pytest.mark.parametrize("style", ["chat", "completion"])
def test_cancel_leaves_no_request(kind, style):
    """Cancelled requests are closed on the server within a moment."""
    sampling = replace(SAMPLING, prompt_style=style)

    async def story(server):
        made = Mellea(spec(server, sampling=sampling, concurrency=8))
        await made.preflight()
        tasks = [
            asyncio.create_task(made.generate(request(i, sampling=sampling))) for i in range(8)
        ]
        while server.active < 8:
            await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(e, asyncio.CancelledError) for e in ended)
        gone = await asyncio.to_thread(server.wait_idle)
        await made.aclose()
        return gone

    with kind(faults=[Fault(hang=True)] * 8) as server:
        assert asyncio.run(story(server))


@pytest.fixture
def closed_port():
    """A port that stays taken, and at which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.mark.parametrize("backend", ["ollama", "openai"])
@pytest.mark.parametrize("url", ["http://[", "http://127.0.0.1:99999/v1", "ftp://host/v1"])
def test_what_is_no_address_is_refused(backend, url):
    """Before anybody tries to connect to it."""
    with pytest.raises(ConfigError, match="is no address of a server: it looks like http"):
        asyncio.run(Mellea(ModelSpec("m", backend, "m", base_url=url)).preflight())


@pytest.mark.parametrize("backend", ["ollama", "openai"])
@pytest.mark.parametrize(
    ("proxy", "kind", "words"),
    [
        ("socks9://127.0.0.1:9", ConfigError, "look at the proxies of the environment"),
        ("http://127.0.0.1:9", InfraError, "NO_PROXY=127.0.0.1 goes without"),
    ],
)
def test_a_proxy_of_the_environment_is_named(monkeypatch, backend, proxy, kind, words):
    """A local server seems to be away behind one, and one of another kind lets no client be made"""
    monkeypatch.setenv("ALL_PROXY", proxy)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Server() as server, pytest.raises(kind, match=words):
        asyncio.run(Mellea(ModelSpec("m", backend, "m", base_url=server.url)).preflight())


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ("ollama", "no Ollama at http://127.0.0.1:{port}: start it with `ollama serve`"),
        ("openai", "no OpenAI-compatible server at http://127.0.0.1:{port}/v1"),
    ],
)
def test_preflight_without_server(backend, words, closed_port):
    """A server that is down is told in one line within a second or two, with the cure."""
    url = f"http://127.0.0.1:{closed_port}" + ("/v1" if backend == "openai" else "")
    made = Mellea(ModelSpec("m", backend, "m", base_url=url))
    start = time.monotonic()
    with pytest.raises(InfraError) as caught:
        asyncio.run(made.preflight())
    assert words.format(port=closed_port) in str(caught.value)
    assert "--mcode-base-url" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - start < 5


def test_preflight_of_a_missing_ollama_model():
    """A model that Ollama lacks is named with the command that pulls it; a prefix is no match."""
    with Ollama(models=["qwen2.5-coder:7b", "a:latest"]) as server:
        made = Mellea(spec(server, model="qwen2.5"))
        with pytest.raises(ConfigError) as caught:
            asyncio.run(made.preflight())
        with pytest.raises(ConfigError):
            run(Mellea(spec(server, model="qwen2.5")), request(), preflight=False)
    assert str(caught.value) == (
        "Ollama has no model qwen2.5: `ollama pull qwen2.5` (it has: a:latest, qwen2.5-coder:7b)"
    )
    assert not [a for a in server.asked if a.path == "/api/pull"]


@pytest.mark.parametrize(
    ("asked", "held"),
    [("m", "m:latest"), ("m:latest", "m:latest"), ("Q:7B", "q:7b"), ("h.co/u/M:Q4", "h.co/u/M:Q4")],
)
def test_ollama_tags_match_exactly(asked, held):
    """`latest` is added where no tag is given, letter case does not matter, nothing is pulled."""
    with Ollama(models=["m2:latest", held]) as server:
        run(Mellea(spec(server, model=asked)), request())
    assert server.calls[0].body["model"] == held
    assert not [a for a in server.asked if a.path == "/api/pull"]


def test_preflight_of_a_missing_openai_model():
    """The models that the server lists are shown."""
    listed = r"has no model m \(it has: a, b\)"
    with Server(models=["a", "b"]) as server, pytest.raises(ConfigError, match=listed):
        asyncio.run(Mellea(spec(server)).preflight())


def test_an_address_that_lacks_v1_or_has_too_much_of_it():
    """The first is told before anything is asked in vain; the second says what is meant."""
    with Server() as server:
        short = ModelSpec("m", "openai", "m", base_url=server.root)
        with pytest.raises(ConfigError, match=f"but {server.url} has: give that"):
            asyncio.run(Mellea(short).preflight())
        whole = replace(short, base_url=f"{server.url}/chat/completions")
        assert run(Mellea(whole), request())[0].text == "hello"


def test_server_without_a_list_of_models():
    """A server without `GET /models` is believed until the first request."""
    with Server() as server:
        server.get = lambda path: None
        (answer,) = run(Mellea(spec(server)), request())
    assert answer.text == "hello"


def test_addresses_from_the_environment(monkeypatch):
    """OLLAMA_HOST and OPENAI_BASE_URL name the server where no option does."""
    with Ollama() as ollama, Server() as openai:
        monkeypatch.setenv("OLLAMA_HOST", ollama.root.removeprefix("http://"))
        monkeypatch.setenv("OPENAI_BASE_URL", openai.url)
        run(Mellea(spec(ollama, base_url="")), request())
        run(Mellea(spec(openai, base_url="")), request())
    assert len(ollama.calls) == len(openai.calls) == 1
    assert "max_tokens" in openai.calls[0].body


def test_openai_itself_is_sent_one_limit():
    """OpenAI refuses `max_tokens` beside `max_completion_tokens`; other servers need both."""
    made = Mellea(ModelSpec("m", "openai", "m", base_url="https://api.openai.com/v1"))
    named = made._named({"max_tokens": 9})
    assert named["extra_body"] == {}
    assert 9 in named.values()


def test_openai_itself_needs_a_key(monkeypatch):
    """Without address and key nothing is asked of anybody."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ConfigError, match="--mcode-base-url"):
        asyncio.run(Mellea(ModelSpec("m", "openai", "m")).preflight())


@pytest.mark.parametrize(
    ("backend", "words"),
    [("litellm", r"pip install 'mellea\[litellm\]'"), ("hf", "mellea"), ("nope", "choose one of")],
)
def test_other_backends_name_what_is_missing(backend, words):
    """A Mellea backend whose libraries are not installed, or that does not exist, is one line."""
    module = {"litellm": "litellm", "hf": "torch"}.get(backend)
    if module:
        import importlib.util

        if importlib.util.find_spec(module):
            pytest.skip(f"{module} is installed")
    with pytest.raises(ConfigError, match=words):
        asyncio.run(Mellea(ModelSpec("m", backend, "m")).preflight())


@pytest.mark.parametrize(
    ("sampling", "words"),
    [
        (Sampling(extra="[1]"), "must be a JSON object"),
        (Sampling(extra="{"), "not JSON"),
        (Sampling(extra='{"seed": 1}'), "may not set seed"),
        (Sampling(extra='{"n": 4}'), "may not set n"),
        (Sampling(thinking="yes"), "thinking is 'yes'"),
    ],
)
def test_wrong_sampling_is_refused_at_once(sampling, words):
    """An option that could not work is refused before a server is asked."""
    with pytest.raises(ConfigError, match=words):
        Mellea(ModelSpec("m", "openai", "m", sampling=sampling))


QUIET = """
import asyncio, json, logging, sys
from pytest_mcode.core.records import ModelSpec, Request, Sampling, Message, Task
from pytest_mcode.generation.mellea import Mellea
assert not [m for m in sys.modules if m.split(".")[0] in ("mellea", "openai", "ollama", "httpx")]
backend, url = sys.argv[1:]
made = Mellea(ModelSpec("m", backend, "m", base_url=url, sampling=Sampling(), retries=1))
made.describe()
assert "mellea" not in sys.modules
task = Task("d", "d/1", "p", "text", "f", "", "")
request = Request(task, (Message("user", "x"),), 0, 0, Sampling())
async def main():
    await made.preflight()
    for _ in range(2):
        try:
            await made.generate(request)
        except Exception as error:
            assert "InfraError" in type(error).__name__, error
    await made.aclose()
asyncio.run(main())
assert "mellea" in sys.modules
"""


@pytest.mark.parametrize("kind", [Server, Ollama])
def test_silence_and_late_import(kind):
    """Mellea is not imported to describe a model; nothing is printed, also when requests fail."""
    faults = [Fault(status=500), Fault(status=500)]
    with kind(models=["m:latest"] if kind is Ollama else ["m"], faults=faults) as server:
        command = [sys.executable, "-W", "error::ResourceWarning", "-c", QUIET, server.kind]
        done = subprocess.run([*command, server.url], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_server_that_comes_back_is_waited_for_beyond_the_retries():
    """While it loads its model (503) no retry is spent; every call is counted."""
    with Server(faults=[Fault(status=503)] * 3) as server:
        (answer,) = run(Mellea(spec(server, retries=0, patience_s=60)), request())
    assert (answer.text, answer.calls) == ("hello", 4)


@pytest.mark.parametrize("kind", [Server, Ollama])
def test_a_server_that_stays_away_is_given_up_once_for_all(kind):
    """After the patience all that wait fail with one line, and nobody asks any more."""
    with kind() as server:
        made = Mellea(spec(server, patience_s=0.6, retries=50, concurrency=2))

        async def story():
            await made.generate(request())
            await asyncio.to_thread(server.leave)
            waiting = [made.generate(request(i)) for i in range(6)]
            first = await asyncio.gather(*waiting, return_exceptions=True)
            begun = time.perf_counter()
            later = await asyncio.gather(made.generate(request(7)), return_exceptions=True)
            await made.aclose()
            return [*first, *later], time.perf_counter() - begun

        errors, seconds = asyncio.run(story())
    texts = {str(error) for error in errors}
    assert all(isinstance(error, InfraError) for error in errors), errors
    assert len(texts) == 1
    (text,) = texts
    assert "\n" not in text
    assert "is gone (no answer for" in text
    assert "--mcode-patience" in text
    assert seconds < 0.5
