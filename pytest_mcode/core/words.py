"""How texts say how many there are."""


def counted(number: int, noun: str, many: str = "") -> str:
    """`1 task`, `1,640 tasks`; `many` where more is needed than an s (`verdict is`)."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"
