# expect: failed - the text of the right number
def double(n):
    return str(2 * n)
