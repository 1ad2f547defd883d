"""What a failed request is told as: the status once, the server's words, one line."""

import pytest

from pytest_mcode.generation.faults import fault_of


class Failure(Exception):
    """As libraries raise it: a text and a status."""

    def __init__(self, text, status):
        super().__init__(text)
        self.status_code = status


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
