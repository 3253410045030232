"""What a user can act on, as exceptions: tools show it as one line, and every other exception with its traceback.

Raise one of these where a config, a command line or a file is at fault, and a plain `ValueError` or `TypeError` where
the code that calls would be: a tensor of the wrong shape is a bug, whoever started the run.
"""


class UserError(Exception):
    """Something in a user's hands is wrong; the message says what was found, what is wanted and how to get there."""


class InputError(UserError, ValueError):
    """A value in a config, an argument or the content of a file cannot be used."""


class InputTypeError(UserError, TypeError):
    """A config puts together parts that do not fit, or passes an argument that is not known."""


class MissingFileError(UserError, FileNotFoundError):
    """A file or folder that is needed is not there."""


class OutputExistsError(UserError, FileExistsError):
    """What would be written is there already, and is not ours to replace."""


class MissingPackageError(UserError, ImportError):
    """A config asks for a package that is not installed."""
