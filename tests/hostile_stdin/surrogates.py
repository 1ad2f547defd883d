# expect: error|failed - prints what no encoding can hold
print('\ud800')
