# expect: error - the function under test is a module of the judge
import sys as double
