# expect: error - raises what ends other harnesses early
def double(n):
    raise StopIteration(4)
