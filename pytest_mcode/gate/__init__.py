"""A rule and two measurements become a decision: held, regression or inconclusive. Pure."""
