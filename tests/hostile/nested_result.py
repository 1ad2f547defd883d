# expect: memory - a result that is small on the wire and large in memory
def double(n):
    return [{} for _ in range(1_500_000)]
