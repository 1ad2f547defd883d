# expect: failed - leaves modules and start-up files for the next program
def double(n):
    for name in ("json.py", "sitecustomize.py", "math.py", "usercustomize.py", "random.py"):
        with open("/tmp/" + name, "w") as file:
            file.write("import os; os._exit(0)")
    return 0
