# expect: failed - a list that contains itself
def double(n):
    values = []
    values.append(values)
    return values
