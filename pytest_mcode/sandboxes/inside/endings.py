"""How a conversation with a candidate can end, other than by the tests' own last line."""

from __future__ import annotations


class Fatal(BaseException):
    """Ends the verification, even where the tests catch everything."""


class TimeUp(Fatal):
    """The program's wall time is over; or, as the message says, another time."""


class Gone(Fatal):
    """The program's process ended or hung up."""


class Unforeseen(Fatal):
    """The tests did not ask what they were foreseen to ask: nothing is known of the program yet."""


class Forged(Fatal):
    """The program's process said what a worker never says."""


class CheckFailedError(AssertionError):
    """A test that did not hold, and says all there is to say."""


class CandidateError(Exception):
    """The program raised something that no builtin exception of the judge can stand for."""
