# expect: passed - seeds, shuffles and sorts
import random

def double(n):
    values = list(range(50))
    random.shuffle(values)
    return sorted(values)[2] * n
