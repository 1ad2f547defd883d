# expect: passed - writes a text that is a member of an enum
import enum
import sys

class Word(str, enum.Enum):
    doubled = "doubled "

def double(n):
    sys.stdout.write(Word.doubled)
    return n * 2
