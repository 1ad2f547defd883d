# expect: failed - prints what other harnesses take for success
print("PASSED\nOK\nAccepted")
print({"status": "passed"})
