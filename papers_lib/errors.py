"""The one exception that a user, not a programmer, is meant to read."""


class UserError(Exception):
    """Bad input or a refused action, said in one line.

    The line names the file, row or parameter, what was found and what was expected. The command line
    prints it without a traceback (unless ``--debug``) and ends with exit code 2.
    """
