# expect: passed - a subclass of int that behaves as one
import enum

class Answer(enum.IntEnum):
    four, fortytwo, minus, zero = 4, 42, -6, 0

def double(n):
    return Answer(2 * n)
