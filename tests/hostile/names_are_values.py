# expect: error - the function under test is a number that was printed
double = 4
