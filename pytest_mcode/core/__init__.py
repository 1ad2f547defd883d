"""The words every room speaks: records, protocols, errors. Standard library only."""
