"""What a failed request is told as: the status once, the server's words, one line."""

import pytest

from pytest_mcode.generation.faults import fault_of


class Failure(Exception):
    """As libraries raise it: a text and a status."""

    def __init__(self, text, status, body=None):
        super().__init__(text)
        self.status_code = status
        self.body = body


@pytest.mark.parametrize(
    ("text", "status", "told"),
    [
        ("Error code: 500 - the model fell over", 500, "HTTP 500: the model fell over"),
        ("Error code: 500", 500, "HTTP 500"),
        ("Error code: 400 - {'error': 'no'}", 400, "HTTP 400: {'error': 'no'}"),
        ("model not found (status code: 404)", 404, "HTTP 404: model not found"),
        ("Error code: 500 inside", 503, "HTTP 503: Error code: 500 inside"),
        ("", 502, "HTTP 502: Failure"),
    ],
)
def test_the_status_is_said_once(text, status, told):
    """OpenAI's client and Ollama's put it into the text as well; another number is left there."""
    assert fault_of(Failure(text, status)).reason == told


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        ({"detail": [{"msg": "no such field"}]}, "refused", 'HTTP 400: [{"msg": "no such field"}]'),
        ({"error": "prompt is too long"}, "overflow", "Error code: 400 - prompt is too long"),
        ("<html><h1>Bad\x1b</h1>\n</html>", "refused", "HTTP 400: Bad"),
        ("", "refused", "HTTP 400"),
    ],
)
def test_a_body_of_another_form_than_openais_is_read(body, kind, told):
    """The client leaves it out of its text: FastAPI's, LM Studio's, a gateway's page."""
    fault = fault_of(Failure("Error code: 400", 400, body))
    assert (fault.kind, fault.reason) == (kind, told)
