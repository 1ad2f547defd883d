"""The errors a user can meet. Each message is one line that names the cure."""


class McodeError(Exception):
    """Base of every error that pytest-mcode raises on purpose."""


class ConfigError(McodeError):
    """An option, ini value, model name or file given by the user is wrong: nothing is run."""


class DataError(McodeError):
    """A data set is missing, unreachable or malformed: nothing is run on it."""


class InfraError(McodeError):
    """Server, sandbox, disk or worker failed: never the model's failure, in no pass rate."""


class StoreError(McodeError):
    """The results database cannot be read or written."""
