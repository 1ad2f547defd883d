# expect: timeout - never finishes being defined
while True:
    pass
