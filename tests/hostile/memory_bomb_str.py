# expect: memory - a text that doubles
def double(n):
    text = "x"
    while True:
        text += text
