# expect: passed - keeps state between calls, as a memo does
memo = {}

def double(n):
    memo.setdefault(n, 2 * n)
    return memo[n]
