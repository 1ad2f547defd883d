# expect: failed - numbers that compare strangely
def double(n):
    return {2: float("nan"), 21: float("inf")}.get(n, -0.0)
