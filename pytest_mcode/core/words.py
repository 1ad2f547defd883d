"""How texts say how many there are, and where what is for the curious begins."""

TRACEBACK = "Traceback (most recent call last):\n"
"""Begins what stands behind the one line of an error, for those who look closer."""


def counted(number: int, noun: str, many: str = "") -> str:
    """`1 task`, `1,640 tasks`; `many` where more is needed than an s (`verdict is`)."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"
